rule study:
    # All readings of the config side by side, from their records.
    input:
        plan.imported_sources(ROOT / "workflow/scripts/study.py"),
        sorted((ROOT / "reports/published").glob("*.csv")),
        readings=expand(ROOT / "config/readings/{reading}.yaml", reading=READINGS),
        records=[
            plan.record_files(resolved, reading)
            for reading, resolved in READINGS.items()
        ],
    output:
        directory(f"{config['results']}/replication"),
    log:
        f"{config['results']}/logs/study.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        job=json.dumps(plan.study_job(READINGS)),
    shell:
        "python -m workflow.scripts.study --job {params.job:q} --folder {output:q} 2>&1 | tee {log:q}"
