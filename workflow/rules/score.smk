rule score:
    # Scores of all runs on one data set: the first that sees both clusters and labels.
    input:
        local(imported_sources(ROOT / "workflow/scripts/score.py")),
        records=lambda w: jobs.record_files(
            READINGS[w.reading], w.reading, dataset=w.dataset
        ),
        data=f"{config['results']}/{{reading}}/data/{{dataset}}.npz",
        labels=f"{config['results']}/{{reading}}/data/{{dataset}}.labels.npz",
        splits=lambda w: jobs.split_files(READINGS[w.reading], w.reading, w.dataset),
    output:
        f"{config['results']}/{{reading}}/scores/{{dataset}}.jsonl",
    log:
        f"{config['results']}/{{reading}}/logs/score/{{dataset}}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
    params:
        job=lambda w, input: json.dumps(
            {"files": input.records, "splits": input.splits, "ordered": None}
        ),
    shell:
        "python -m workflow.scripts.score --job - --data {input.data:q} --labels {input.labels:q}"
        " --scores {output:q} <<< {params.job:q} 2>&1 | tee {log:q}"
