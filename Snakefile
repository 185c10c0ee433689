# The short command's entry; the workflow itself lies where Snakemake's catalogue expects it.
include: "workflow/Snakefile"
