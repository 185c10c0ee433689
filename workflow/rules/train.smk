rule train:
    # One method on one data set for a block of seeds, on all its inputs: one record a run, whatever happens to it.
    input:
        lambda w: local(imported_sources(rows.source(READINGS[w.reading], w.method))),
        local(imported_sources(ROOT / "workflow/scripts/train.py")),
        data=f"{config['results']}/{{reading}}/data/{{dataset}}.npz",
        split=lambda w: jobs.split_of_block(
            READINGS[w.reading], w.reading, w.dataset, w.block
        ),
        # Of a row that starts from another's pretraining: its records, and the folder with what it left.
        start=lambda w: jobs.pretrained_files(READINGS[w.reading], **w)[:1],
        folder=lambda w: jobs.pretrained_files(READINGS[w.reading], **w)[1:],
    output:
        records=f"{config['results']}/{{reading}}/records/{{dataset}}/{{method}}-{{inputs}}.{{block}}.jsonl",
        clusters=f"{config['results']}/{{reading}}/records/{{dataset}}/{{method}}-{{inputs}}.{{block}}.npz",
    log:
        f"{config['results']}/{{reading}}/logs/train/{{dataset}}/{{method}}-{{inputs}}.{{block}}.log",
    # Deep methods first, and profiles/default takes larger data first: a long training shall not be the last to start.
    priority: lambda w: catalogue.gpus(rows.algorithm(READINGS[w.reading], w.method))
    conda:
        "../../environment.yml"
    resources:
        gpu=lambda w: catalogue.gpus(rows.algorithm(READINGS[w.reading], w.method)),
        jobs_per_gpu=config["jobs_per_gpu"],
        mem_mb=4000,
        runtime=lambda w, attempt: jobs.minutes(
            jobs.run_limit(READINGS[w.reading], w.method),
            jobs.runs_of(w.inputs, w.block),
            attempt,
        ),
    params:
        job=lambda w: json.dumps(jobs.train_job(READINGS[w.reading], **w)),
    shell:
        "python -m workflow.scripts.train --job {params.job:q} --gpus {resources.gpu}"
        " --per {resources.jobs_per_gpu} --data {input.data:q} --split {input.split:q} --start {input.start:q}"
        " --records {output.records:q} 2>&1 | tee {log:q}"


use rule train as pretrain with:
    # The same for a row whose pretraining others start from, so that it is done once: it leaves that too.
    output:
        records=f"{config['results']}/{{reading}}/records/{{dataset}}/{{method}}-{{inputs}}.{{block}}.jsonl",
        clusters=f"{config['results']}/{{reading}}/records/{{dataset}}/{{method}}-{{inputs}}.{{block}}.npz",
        pretrained=directory(
            f"{config['results']}/{{reading}}/records/{{dataset}}/{{method}}-{{inputs}}.{{block}}.pretrained"
        ),
    wildcard_constraints:
        method="|".join(sorted(jobs.lenders(READINGS))) or "(?!)",
    # Before all other trainings, as some wait for it.
    priority: 2


ruleorder: pretrain > train


rule halves:
    # The same on halves of one's own data, for how far the clusters depend on what was seen.
    input:
        lambda w: local(imported_sources(rows.source(READINGS[w.reading], w.method))),
        local(imported_sources(ROOT / "workflow/scripts/halves.py")),
        data=f"{config['results']}/{{reading}}/data/{{dataset}}.npz",
    output:
        agreement=f"{config['results']}/{{reading}}/halves/{{dataset}}/{{method}}-{{inputs}}.json",
    log:
        f"{config['results']}/{{reading}}/logs/halves/{{dataset}}/{{method}}-{{inputs}}.log",
    conda:
        "../../environment.yml"
    resources:
        gpu=lambda w: catalogue.gpus(rows.algorithm(READINGS[w.reading], w.method)),
        jobs_per_gpu=config["jobs_per_gpu"],
        mem_mb=4000,
        runtime=lambda w, attempt: jobs.minutes(
            jobs.run_limit(READINGS[w.reading], w.method),
            jobs.FITS_OF_HALVES * jobs.runs_of(w.inputs, "0-0"),
            attempt,
        ),
    params:
        job=lambda w: json.dumps(jobs.halves_job(READINGS[w.reading], **w)),
    shell:
        "python -m workflow.scripts.halves --job {params.job:q} --gpus {resources.gpu}"
        " --per {resources.jobs_per_gpu} --data {input.data:q} --agreement {output.agreement:q} 2>&1 | tee {log:q}"
