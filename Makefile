# Each target sets up what it needs; the virtual environment is .venv.

COUNT ?= 100
# Tests run side by side; each worker has a server of its own, and takes over what others left.
WORKERS ?= 3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-telephone test-diameter check cards bench faults lock setup setup-demo setup-browser setup-speech

help:
	@echo "make demo     the whole product with made-up data, until you stop it (Ctrl-C)"
	@echo "make test     every test"
	@echo "make test-telephone  real calls: sipp, Asterisk and our hotline (Linux, as root)"
	@echo "make test-diameter   Erlang's diameter, freeDiameter and tshark with ours (Linux, as root)"
	@echo "make check    format, lint, types, import rules, documentation, then every test"
	@echo "make bench    measure speed; writes bench.json"
	@echo "make cards    CARDS cards (10000) their whole life, from order to credit, in a browser"
	@echo "make faults   kill things COUNT times ($(COUNT)) and prove that no money moved wrongly"
	@echo "make lock     resolve requirements/*.in anew"

demo: setup-demo setup-speech
	@exec $(BIN)/tambah demo

test: setup setup-browser setup-speech
	@exec $(BIN)/pytest -n $(WORKERS) --dist worksteal

# Asterisk and sipp are unpacked beside the system, which is left as it is.
test-telephone: setup setup-speech
	@world=$$(tools/telephone-setup) && \
	  TAMBAH_TELEPHONE_WORLD=$$world exec $(BIN)/pytest tests/telephone

# Erlang, freeDiameter and tshark are unpacked beside the system as well.
test-diameter: setup
	@world=$$(tools/diameter-setup) && \
	  TAMBAH_DIAMETER_WORLD=$$world exec $(BIN)/pytest tests/diameter_peers

check: setup
	@$(BIN)/ruff format --quiet --check . || { echo "make check: run '$(BIN)/ruff format .'" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@tools/quietly $(BIN)/basedpyright
	@tools/quietly $(BIN)/lint-imports
	@tools/quietly $(BIN)/deptry .
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --quiet tests/domain
	@$(BIN)/coverage report
	@$(MAKE) --no-print-directory test

cards: setup setup-browser setup-speech
	@CARDS=$${CARDS:-10000} exec $(BIN)/pytest --quiet tests/journeys/test_cards_life.py

bench: setup
	@command -v wrk >/dev/null || tools/debian-install "the load generator of make bench" wrk
	@exec $(BIN)/python -m benchmarks

faults: setup
	@COUNT=$(COUNT) $(BIN)/python -m tests.faults
	@KILLS=all exec $(BIN)/pytest --quiet tests/faults/test_payment_kills.py

setup:
	@tools/setup dev

setup-demo:
	@tools/setup runtime

setup-browser:
	@tools/setup-browser

setup-speech:
	@tools/setup-speech

lock:
	@tools/lock
