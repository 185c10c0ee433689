# Two commands are all a fresh machine needs: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test nightly smoke paper plus digits words field suite mnist mnist-full imdb supervised supervised-full unseen fingerprints study search diagnosis appendix docs readme systems gpu lint

help:  ## What there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/' | expand -t 17

.venv/installed: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.lock
	touch $@

setup: .venv/installed  ## Set up and run nothing: Python and its packages in .venv/

demo: .venv/installed  ## Set up, then the paper's methods on embedded real data: results/demo/
	$(BIN)/snakemake --profile profiles/demo
	@echo "Open results/demo/demo/report.html"

test: .venv/installed lint  ## Set up, then run the tests
	$(BIN)/pytest

nightly: .venv/installed  ## The tests that take too long for every run: 50 kills, long fuzzing
	$(BIN)/pytest -m nightly

lint: .venv/installed  ## Style of Python and Snakemake files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

smoke: .venv/installed  ## Every row on the four real data sets with tiny budgets: results/smoke/
	$(BIN)/snakemake --profile profiles/smoke

paper: .venv/installed  ## The paper's table, over several splits: results/paper/
	$(BIN)/snakemake --profile profiles/paper

plus: .venv/installed  ## RDDC+, this project's own, beside RDDC with as many trainings, 4 to 5 core-hours: results/plus/
	$(BIN)/snakemake --profile profiles/plus

digits: .venv/installed  ## RDDC on Arabic Digits with 20 runs on each of five splits, 2.5 core-hours: results/digits/
	$(BIN)/snakemake --profile profiles/digits

words: .venv/installed  ## How often a single run of RDDC finds Speech Commands' words, in two readings, a core-hour: results/words/
	$(BIN)/snakemake --profile profiles/words

field: .venv/installed  ## DTW, soft-DTW, k-Shape and a recurrent autoencoder beside RDDC: results/field/
	$(BIN)/snakemake --profile profiles/field

suite: .venv/installed  ## Sixteen data sets of varying length by RDDC and the field's rows, with ranks, an hour: results/suite/suite/
	$(BIN)/snakemake suite --profile profiles/suite

mnist: .venv/installed  ## k-means, DEC and its kin, CatGAN, N2D on MNIST beside the published numbers, reduced budgets: results/mnist/
	$(BIN)/snakemake --profile profiles/mnist
	@$(BIN)/python -m workflow.scripts.systems mnist_full

mnist-full: .venv/installed  ## The same at the published budgets, more than half a core-day that may be interrupted: results/mnist_full/
	$(BIN)/snakemake --profile profiles/mnist_full

fingerprints: .venv/installed  ## Which form of the data the published baselines come from: results/paper/fingerprints/
	$(BIN)/snakemake fingerprints --profile profiles/study

study: .venv/installed  ## RDDC in every reading, beside the published row: results/paper/replication/
	$(BIN)/snakemake replication --profile profiles/study

search: .venv/installed  ## The settings of RDDC and DDC searched together, 10 core-hours: results/paper/search/
	$(BIN)/snakemake search --profile profiles/paper

diagnosis: .venv/installed  ## RDDC's training from inside, and where the true partition lies in its loss: results/paper/
	$(BIN)/snakemake diagnosis true_partition --profile profiles/study

imdb: .venv/installed  ## The tutorial on film reviews with N2D: results/imdb/tutorial/
	$(BIN)/snakemake tutorial --profile profiles/imdb

supervised: .venv/installed  ## Learning to Cluster and element-wise clustering, apart from the rest: results/supervised/
	$(BIN)/snakemake supervised --profile profiles/supervised
	@echo "Open results/supervised/supervised_reduced/report/report.html"

supervised-full: .venv/installed  ## Learning to Cluster at its published size, 9 core-hours: results/supervised_full/
	$(BIN)/snakemake supervised --profile profiles/supervised_full

unseen: .venv/installed  ## Learning to Cluster on classes it never saw, beside k-means, three trainings each, 4 core-hours: results/unseen/
	$(BIN)/snakemake supervised --profile profiles/unseen

appendix: .venv/installed  ## The paper's table as a LaTeX appendix, and its PDF where there is pdflatex: results/paper/
	$(BIN)/snakemake appendix --profile profiles/paper

gpu: .venv/installed  ## On a machine with an NVIDIA GPU: is it right, and how fast, in 8 minutes: benchmarks/gpu.md
	$(BIN)/python -m benchmarks.gpu

docs: .venv/installed  ## Write docs/methods.md and docs/datasets.md from the docstrings
	$(BIN)/python -m workflow.scripts.docs

readme: .venv/installed  ## Put the paper profile's table and figure into the README, all of it and the studies' pages into reports/
	$(BIN)/python -m workflow.scripts.readme results/paper/recommended

systems: .venv/installed  ## Keep what the other systems gave in reports/systems/
	$(BIN)/python -m workflow.scripts.systems
