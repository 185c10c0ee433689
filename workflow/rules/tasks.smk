rule draw:
    # Problems with known clusters, for training, validation and test.
    input:
        lambda w: local(
            imported_sources(
                ROOT
                / f"datasets/{READINGS[w.reading]['tasks'][w.task]['problems']}.py"
            )
        ),
        local(imported_sources(ROOT / "workflow/scripts/draw.py")),
        data=lambda w: jobs.task_data(READINGS[w.reading], w.reading, w.task)[:1],
        known=lambda w: jobs.task_data(READINGS[w.reading], w.reading, w.task)[1:],
    output:
        problems=f"{config['results']}/{{reading}}/problems/{{task}}.npz",
        labels=f"{config['results']}/{{reading}}/problems/{{task}}.labels.npz",
    log:
        f"{config['results']}/{{reading}}/logs/draw/{{task}}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        job=lambda w: json.dumps(jobs.draw_job(READINGS[w.reading], w.task)),
    shell:
        "python -m workflow.scripts.draw --job {params.job:q} --data {input.data:q} --known {input.known:q}"
        " --problems {output.problems:q} --labels {output.labels:q} 2>&1 | tee {log:q}"


rule learn:
    # One supervised task: one record a seed. The clusters of the test problems are not in what it reads.
    input:
        lambda w: local(
            imported_sources(
                catalogue.source(
                    "methods", READINGS[w.reading]["tasks"][w.task]["method"]
                )
            )
        ),
        local(imported_sources(ROOT / "workflow/scripts/learn.py")),
        problems=f"{config['results']}/{{reading}}/problems/{{task}}.npz",
    output:
        records=f"{config['results']}/{{reading}}/learned/records/{{task}}/runs.jsonl",
        clusters=f"{config['results']}/{{reading}}/learned/records/{{task}}/runs.npz",
    log:
        f"{config['results']}/{{reading}}/logs/learn/{{task}}.log",
    conda:
        "../../environment.yml"
    resources:
        gpu=lambda w: catalogue.gpus(READINGS[w.reading]["tasks"][w.task]["method"]),
        jobs_per_gpu=config["jobs_per_gpu"],
        mem_mb=4000,
        runtime=lambda w, attempt: jobs.minutes(
            READINGS[w.reading]["time_limit"],
            len(jobs.learn_job(READINGS[w.reading], w.reading, w.task)["seeds"]),
            attempt,
        ),
    params:
        job=lambda w: json.dumps(jobs.learn_job(READINGS[w.reading], w.reading, w.task)),
    shell:
        "python -m workflow.scripts.learn --job {params.job:q} --gpus {resources.gpu}"
        " --per {resources.jobs_per_gpu} --problems {input.problems:q} --records {output.records:q} 2>&1 | tee {log:q}"


rule control:
    # A control of one supervised task, which learns nothing.
    input:
        lambda w: local(
            imported_sources(
                catalogue.source("methods", jobs.TASK_CONTROLS[w.control]["method"])
            )
        ),
        local(imported_sources(ROOT / "workflow/scripts/control.py")),
        problems=f"{config['results']}/{{reading}}/problems/{{task}}.npz",
        labels=f"{config['results']}/{{reading}}/problems/{{task}}.labels.npz",
    output:
        records=f"{config['results']}/{{reading}}/learned/records/{{task}}/{{control}}.jsonl",
        clusters=f"{config['results']}/{{reading}}/learned/records/{{task}}/{{control}}.npz",
    log:
        f"{config['results']}/{{reading}}/logs/control/{{task}}.{{control}}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        job=lambda w: json.dumps(
            jobs.control_job(READINGS[w.reading], w.reading, w.task, w.control)
        ),
    shell:
        "python -m workflow.scripts.control --job {params.job:q} --problems {input.problems:q}"
        " --labels {input.labels:q} --records {output.records:q} 2>&1 | tee {log:q}"


use rule score as score_task with:
    # The same of one supervised task.
    input:
        local(imported_sources(ROOT / "workflow/scripts/score.py")),
        records=lambda w: jobs.task_records(READINGS[w.reading], w.reading, w.task),
        data=f"{config['results']}/{{reading}}/problems/{{task}}.npz",
        labels=f"{config['results']}/{{reading}}/problems/{{task}}.labels.npz",
    output:
        f"{config['results']}/{{reading}}/learned/scores/{{task}}.jsonl",
    log:
        f"{config['results']}/{{reading}}/logs/score/{{task}}.log",
    params:
        job=lambda w, input: json.dumps(
            {
                "files": input.records,
                "ordered": jobs.ordered(READINGS[w.reading], w.task),
            }
        ),


rule report_tasks:
    # The supervised tasks, apart from the unsupervised rows.
    input:
        local(imported_sources(ROOT / "workflow/scripts/tasks.py")),
        local(ROOT / "config/sources.yaml"),
        local(sorted((ROOT / "reports/published").glob("*.csv"))),
        files=lambda w: expand(
            f"{config['results']}/{w.reading}/{{kind}}",
            kind=[
                file.format(task=task)
                for task in READINGS[w.reading]["tasks"]
                for file in (
                    "problems/{task}.npz",
                    "problems/{task}.labels.npz",
                    "learned/scores/{task}.jsonl",
                    *(
                        f"learned/records/{{task}}/{of}.jsonl"
                        for of in ("runs", *jobs.TASK_CONTROLS)
                    ),
                )
            ],
        ),
    output:
        directory(f"{config['results']}/{{reading}}/report"),
    log:
        f"{config['results']}/{{reading}}/logs/tasks.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        job=lambda w: json.dumps(jobs.tasks_report_job(READINGS[w.reading], w.reading)),
    shell:
        "python -m workflow.scripts.tasks --job {params.job:q} --folder {output:q} 2>&1 | tee {log:q}"


rule supervised:
    # All supervised tasks of all readings that have any.
    input:
        lambda w: expand(
            f"{config['results']}/{{reading}}/report",
            reading=jobs.with_tasks(READINGS),
        ),
