rule fingerprint:
    # k-means, Ward and spectral clustering on every reading of one data set; no deep method.
    input:
        local(plan.imported_sources(ROOT / "studies/fingerprints.py")),
        local(sorted((ROOT / "reports/published").glob("*.csv"))),
    output:
        f"{config['results']}/fingerprints/{{dataset}}.jsonl",
    log:
        f"{config['results']}/logs/fingerprints/{{dataset}}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        raw=config["raw"],
        mirror=config["mirror"] or "",
        folder=subpath(output[0], parent=True),
    shell:
        "python -m studies.fingerprints run {wildcards.dataset} --raw {params.raw:q} --mirror={params.mirror:q}"
        " --out {params.folder:q} 2>&1 | tee {log:q}"


rule fingerprints:
    # Which reading of the data comes nearest to the published baselines.
    input:
        local(plan.imported_sources(ROOT / "studies/fingerprints.py")),
        expand(
            f"{config['results']}/fingerprints/{{dataset}}.jsonl",
            dataset=[
                "arabic_digits",
                "character_trajectories",
                "speech_commands",
                "twenty_newsgroups",
            ],
        ),
    output:
        multiext(
            f"{config['results']}/fingerprints/fingerprints",
            ".md",
            ".csv",
            ".png",
            ".pdf",
        ),
    log:
        f"{config['results']}/logs/fingerprints.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "python -m studies.fingerprints report --out {params.folder:q} 2>&1 | tee {log:q}"


rule study:
    # All readings of the config side by side, from their records.
    input:
        local(plan.imported_sources(ROOT / "workflow/scripts/study.py")),
        local(sorted((ROOT / "reports/published").glob("*.csv"))),
        readings=local(
            expand(ROOT / "config/readings/{reading}.yaml", reading=READINGS)
        ),
        records=[
            plan.record_files(resolved, reading)
            for reading, resolved in READINGS.items()
        ],
        data=expand(
            f"{config['results']}/{{reading}}/data/{{dataset}}.npz",
            reading=READINGS,
            dataset=config["run"]["datasets"],
        ),
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
        "python -m workflow.scripts.study --job - --folder {output:q} <<< {params.job:q} 2>&1 | tee {log:q}"


rule diagnose:
    # One seed of RDDC, watched from inside.
    input:
        local(plan.imported_sources(ROOT / "studies/diagnosis.py")),
        data=f"{config['results']}/{{reading}}/data/{{dataset}}.npz",
    output:
        f"{config['results']}/diagnosis/{{dataset}}.{{reading}}.json",
    log:
        f"{config['results']}/logs/diagnosis/{{dataset}}.{{reading}}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        settings=lambda w: json.dumps(
            plan.method_settings(READINGS[w.reading], "rddc", w.dataset)
        ),
    shell:
        "python -m studies.diagnosis run {wildcards.dataset} --reading {wildcards.reading} --data {input.data:q}"
        " --settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule diagnosis:
    # Kernel matrices, gradients and cluster usage of a few readings.
    input:
        local(plan.imported_sources(ROOT / "studies/diagnosis.py")),
        records=expand(
            f"{config['results']}/diagnosis/{{dataset}}.{{reading}}.json",
            reading=[
                reading
                for reading in (
                    "recommended",
                    "straightforward",
                    "narrow_kernel",
                    "tensorflow_cell",
                )
                if reading in READINGS
            ],
            dataset=config["run"]["datasets"],
        ),
    output:
        multiext(
            f"{config['results']}/diagnosis/",
            "diagnosis.md",
            "kernel.png",
            "gradient.png",
        ),
    log:
        f"{config['results']}/logs/diagnosis.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "python -m studies.diagnosis report {params.folder:q} {input.records:q} 2>&1 | tee {log:q}"


rule probe:
    # RDDC from a start at the labels: where the true partition lies in the loss.
    input:
        local(plan.imported_sources(ROOT / "studies/true_partition.py")),
        data=f"{config['results']}/{{reading}}/data/{{dataset}}.npz",
    output:
        f"{config['results']}/true_partition/{{dataset}}.{{reading}}.json",
    log:
        f"{config['results']}/logs/true_partition/{{dataset}}.{{reading}}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        settings=lambda w: json.dumps(
            plan.method_settings(READINGS[w.reading], "rddc", w.dataset)
        ),
    shell:
        "python -m studies.true_partition run {wildcards.dataset} --reading {wildcards.reading} --data {input.data:q}"
        " --settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule true_partition:
    # The runs that started from the labels beside those of the first reading.
    input:
        local(plan.imported_sources(ROOT / "studies/true_partition.py")),
        probes=expand(
            f"{config['results']}/true_partition/{{dataset}}.{next(iter(READINGS))}.json",
            dataset=config["run"]["datasets"],
        ),
        runs=[
            file
            for file in plan.record_files(
                next(iter(READINGS.values())), next(iter(READINGS))
            )
            if Path(file).name.startswith("rddc-")
        ],
    output:
        multiext(
            f"{config['results']}/true_partition/",
            "true_partition.md",
            "true_partition.png",
        ),
    log:
        f"{config['results']}/logs/true_partition.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "python -m studies.true_partition report {params.folder:q} --probes {input.probes:q} --runs {input.runs:q}"
        " 2>&1 | tee {log:q}"


rule tutorial:
    # The tutorial on film reviews beside what it printed, and what its columns cost.
    input:
        local(plan.imported_sources(ROOT / "studies/imdb.py")),
        local(ROOT / "reports/published/n2d_imdb.csv"),
        records=[
            plan.record_files(resolved, reading)
            for reading, resolved in READINGS.items()
        ],
        data=expand(
            f"{config['results']}/{{reading}}/data/imdb_reviews.{{ending}}",
            reading=READINGS,
            ending=["npz", "json"],
        ),
    output:
        multiext(
            f"{config['results']}/tutorial/",
            "tutorial.md",
            "tutorial.png",
            "tutorial.pdf",
            "quantities.csv",
            "columns.csv",
        ),
    log:
        f"{config['results']}/logs/tutorial.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=8000,
    params:
        job=json.dumps(plan.study_job(READINGS)),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m studies.imdb --job {params.job:q} --folder {params.folder:q} 2>&1 | tee {log:q}"
