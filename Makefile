# bgswap: `make` alone lists what can be made.

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
BENCH_DATA ?= ../shared/data
DATA ?= $(BENCH_DATA)
SPLIT ?= validation

# the first import of pymatting compiles for most of a minute: keep what it made
export NUMBA_CACHE_DIR ?= $(abspath $(VENV))/numba

.DELETE_ON_ERROR:
.PHONY: help setup demo pictures check test test-slow man bench results weights clean

help:  ## list what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

setup: $(READY)  ## a virtual environment with torch (TORCH=...), bgswap and all that tests need

# torch first: whatever asks for it later would take the registry's newest build
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check $(TORCH)
	$(BIN)/pip install -q --disable-pip-version-check -e '.[demo,test,cluster,heif,video,eval,train]'
	$(BIN)/pip install -q --disable-pip-version-check --no-deps simple-lama-inpainting
	touch $@

demo: $(READY)  ## a person set into another place: demo/astronaut_china.jpg
	$(BIN)/python tests/demo_photos.py demo
	$(BIN)/bgswap matte demo/astronaut.png demo/cutout.png
	$(BIN)/bgswap composite --person demo/cutout.png --bg demo/china.jpg -o demo/astronaut_china.jpg
	$(BIN)/bgswap composite --person demo/astronaut.png --bg demo/china.jpg --frame person -o demo/china_astronaut.jpg
	@echo "Look at demo/astronaut_china.jpg (the place's frame) and demo/china_astronaut.jpg (the photo's frame)."

pictures: demo  ## write README's pictures anew
	$(BIN)/bgswap matte -q demo/astronaut.png man/pictures/cutout.webp
	$(BIN)/bgswap composite -q --person demo/astronaut.png --bg demo/china.jpg -o man/pictures/composite.jpg --quality 88
	$(BIN)/bgswap composite -q --person demo/astronaut.png --bg blur -o man/pictures/blur.jpg --quality 88
	$(BIN)/bgswap composite -q --person demo/cutout.png --bg demo/astronaut.png --place keep --shadow none \
	  -o man/pictures/photo.jpg --quality 88

check: $(READY)  ## formatting, lint and types
	$(BIN)/ruff format --check bgswap tests
	$(BIN)/ruff check bgswap tests
	$(BIN)/mypy bgswap

test: $(READY)  ## the tests of every day, under 6 minutes on 2 cores
	$(BIN)/python -m pytest

test-slow: $(READY)  ## the tests that take longer, under 30 minutes
	$(BIN)/python -m pytest -m slow

man: $(READY)  ## write man/bgswap-*.1 anew from the commands' help
	$(BIN)/python man/make_pages.py man

bench: $(READY)  ## the benchmarks: matte against rembg, composites, inpainting, metrics, training, quality (BENCH_DATA)
	$(BIN)/python tests/bench/matte_speed.py --data $(BENCH_DATA)
	$(BIN)/python tests/bench/matte_quality.py $(BENCH_DATA)
	$(BIN)/python tests/bench/inpaint_ways.py --data $(BENCH_DATA)
	$(BIN)/python tests/bench/composite.py
	$(BIN)/python tests/bench/augment_speed.py --data $(BENCH_DATA)
	$(BIN)/python tests/bench/plate_leak.py --data $(BENCH_DATA)
	$(BIN)/python tests/bench/metrics.py --data $(BENCH_DATA)
	$(BIN)/python tests/bench/train_step.py
	$(BIN)/python tests/bench/train_step.py --fly $(BENCH_DATA)
	$(BIN)/python tests/bench/hpbnet_speed.py
	$(BIN)/python tests/bench/startup.py

results: $(READY)  ## the results table from the shipped weights, as Markdown (DATA=..., SPLIT=validation|test)
	@$(BIN)/python tests/bench/results.py --data $(DATA) --split $(SPLIT)

weights: $(READY)  ## write bgswap/weights/people.onnx anew from people.safetensors
	$(BIN)/python -m bgswap.zoo.export people

clean:  ## remove what was made here, the environment too
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
