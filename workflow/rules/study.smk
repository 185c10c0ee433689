# Studies declare their data, readings and files themselves: workflow/studies.py says how.


rule study_raw:
    # One case of a study that reads raw data.
    input:
        lambda w: local(imported_sources(studies.case_source(w.study))),
        local(sorted((ROOT / "reports/published").glob("*.csv"))),
    output:
        f"{config['results']}/{{study}}/{{dataset}}.jsonl",
    log:
        f"{config['results']}/logs/{{study}}/{{dataset}}.log",
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
        "python -m studies.{wildcards.study} run {wildcards.dataset} --raw {params.raw:q} --mirror={params.mirror:q}"
        " --out {params.folder:q} 2>&1 | tee {log:q}"


rule study_case:
    # One case of a study: a data set as a reading prepares it.
    input:
        lambda w: local(imported_sources(studies.sources()[w.study])),
        data=f"{config['results']}/{{reading}}/data/{{dataset}}.npz",
        labels=f"{config['results']}/{{reading}}/data/{{dataset}}.labels.npz",
        sheet=f"{config['results']}/{{reading}}/data/{{dataset}}.json",
    output:
        f"{config['results']}/{{study}}/{{dataset}}.{{reading}}.json",
    log:
        f"{config['results']}/logs/{{study}}/{{dataset}}.{{reading}}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        folder=subpath(input.data, ancestor=2),
        settings=lambda w: json.dumps(
            studies.case_settings(w.study, READINGS[w.reading], w.dataset)
        ),
    shell:
        "python -m studies.{wildcards.study} run {wildcards.dataset} --folder {params.folder:q}"
        " --variant {wildcards.reading} --settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


for study, declared in studies.declared().items():
    if "writes" not in declared:
        continue

    rule:
        # The page of one study, which is the name of the rule too.
        name:
            study
        input:
            local(imported_sources(studies.sources()[study])),
            local(sorted((ROOT / "reports/published").glob("*.csv"))),
            local(
                expand(
                    ROOT / "config/readings/{reading}.yaml",
                    reading=studies.variants(study, READINGS),
                )
            ),
            studies.page_inputs(study, READINGS, config["results"]),
        output:
            studies.page_files(study, config["results"]),
        log:
            f"{config['results']}/logs/{study}.log",
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=8000,
        params:
            study=study,
            folder=subpath(output[0], parent=True),
            job=studies.page_argument(study, READINGS, config["results"]),
        shell:
            "python -m studies.{params.study} report --out {params.folder:q} {params.job} 2>&1 | tee {log:q}"
