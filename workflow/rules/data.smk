rule prepare:
    # Fetch and verify the raw data, preprocess them and split them.
    input:
        lambda w: local(
            imported_sources(jobs.dataset_source(READINGS[w.reading], w.dataset))
        ),
        lambda w: jobs.own_files(READINGS[w.reading], w.dataset),
        local(imported_sources(ROOT / "workflow/scripts/prepare.py")),
    output:
        data=f"{config['results']}/{{reading}}/data/{{dataset}}.npz",
        # Apart, so that no training opens a file with labels in it.
        labels=f"{config['results']}/{{reading}}/data/{{dataset}}.labels.npz",
        sheet=f"{config['results']}/{{reading}}/data/{{dataset}}.json",
    log:
        f"{config['results']}/{{reading}}/logs/prepare/{{dataset}}.log",
    # All data before any training, or the longest trainings may become ready last and leave the other cores idle.
    priority: 2
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        job=lambda w: json.dumps(jobs.prepare_job(READINGS[w.reading], w.dataset)),
    shell:
        "python -m workflow.scripts.prepare --job {params.job:q} --data {output.data:q} --labels {output.labels:q}"
        " --sheet {output.sheet:q} 2>&1 | tee {log:q}"


rule resplit:
    # Another split of prepared data, where a protocol is repeated over splits: the sequences are there once.
    input:
        local(imported_sources(ROOT / "workflow/scripts/resplit.py")),
        labels=f"{config['results']}/{{reading}}/data/{{dataset}}.labels.npz",
    output:
        f"{config['results']}/{{reading}}/data/{{dataset}}.split{{number}}.npz",
    log:
        f"{config['results']}/{{reading}}/logs/prepare/{{dataset}}.split{{number}}.log",
    priority: 2
    conda:
        "../../environment.yml"
    resources:
        mem_mb=1000,
    params:
        job=lambda w: json.dumps(
            jobs.resplit_job(READINGS[w.reading], w.dataset, w.number)
        ),
    shell:
        "python -m workflow.scripts.resplit --job {params.job:q} --labels {input.labels:q} --split {output:q}"
        " 2>&1 | tee {log:q}"
