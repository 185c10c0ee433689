rule draw:
    # Problems with known clusters, for training, validation and test.
    input:
        lambda w: local(
            plan.imported_sources(
                ROOT
                / f"datasets/{READINGS[w.reading]['tasks'][w.task]['problems']}.py"
            )
        ),
        local(plan.imported_sources(ROOT / "workflow/scripts/draw.py")),
        data=lambda w: plan.task_data(READINGS[w.reading], w.reading, w.task),
    output:
        f"{config['results']}/{{reading}}/problems/{{task}}.npz",
    log:
        f"{config['results']}/{{reading}}/logs/draw/{{task}}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        job=lambda w: json.dumps(plan.draw_job(READINGS[w.reading], w.task)),
    shell:
        "python -m workflow.scripts.draw --job {params.job:q} --data '{input.data}' --problems {output:q}"
        " 2>&1 | tee {log:q}"


rule learn:
    # One supervised task: one record a seed, and the control's.
    input:
        lambda w: local(
            plan.imported_sources(
                plan.source("methods", READINGS[w.reading]["tasks"][w.task]["method"])
            )
        ),
        local(plan.imported_sources(ROOT / "workflow/scripts/learn.py")),
        problems=f"{config['results']}/{{reading}}/problems/{{task}}.npz",
    output:
        records=f"{config['results']}/{{reading}}/learned/{{task}}.jsonl",
        clusters=f"{config['results']}/{{reading}}/learned/{{task}}.npz",
    log:
        f"{config['results']}/{{reading}}/logs/learn/{{task}}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=lambda w: plan.gpus(READINGS[w.reading]["tasks"][w.task]["method"]),
        jobs_per_gpu=config["jobs_per_gpu"],
        mem_mb=4000,
        runtime=lambda w, attempt: plan.minutes(
            READINGS[w.reading]["time_limit"],
            len(plan.learn_job(READINGS[w.reading], w.reading, w.task)["seeds"]),
            attempt,
        ),
    params:
        job=lambda w: json.dumps(plan.learn_job(READINGS[w.reading], w.reading, w.task)),
    shell:
        "python -m workflow.scripts.learn --job {params.job:q} --gpus {resources.gpu}"
        " --per {resources.jobs_per_gpu} --problems {input.problems:q} --records {output.records:q} 2>&1 | tee {log:q}"


rule supervised_report:
    # The supervised tasks, apart from the unsupervised rows.
    input:
        local(plan.imported_sources(ROOT / "workflow/scripts/supervised.py")),
        local(ROOT / "config/sources.yaml"),
        local(sorted((ROOT / "reports/published").glob("*.csv"))),
        files=lambda w: expand(
            f"{config['results']}/{w.reading}/{{kind}}",
            kind=[
                f"{folder}/{task}.{ending}"
                for task in READINGS[w.reading]["tasks"]
                for folder, ending in (
                    ("problems", "npz"),
                    ("learned", "npz"),
                    ("learned", "jsonl"),
                )
            ],
        ),
    output:
        directory(f"{config['results']}/{{reading}}/report"),
    log:
        f"{config['results']}/{{reading}}/logs/supervised.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        job=lambda w: json.dumps(
            plan.supervised_report_job(READINGS[w.reading], w.reading)
        ),
    shell:
        "python -m workflow.scripts.supervised --job {params.job:q} --folder {output:q} 2>&1 | tee {log:q}"


rule supervised:
    # All supervised tasks of all readings.
    input:
        expand(f"{config['results']}/{{reading}}/report", reading=READINGS),
