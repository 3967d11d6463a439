# make demo   a guided tour, in an environment of its own
# make test   builds the wheel, installs it in an environment of its own, runs every test against it
# make bench  measures it beside programs written by hand; BENCH="--only B1 --rounds 5" says which and how often
# make clean  removes what the others made
#
# VENV (for the demo) and BUILD (for the tests) say where; PYTHON says which interpreter.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test bench clean

VENV ?= .venv
BUILD ?= .build
# One more than the cores that CI has: many tests wait for processes of theirs.
TEST_WORKERS ?= 3

PIP := -m pip --disable-pip-version-check --no-input
SOURCES := pyproject.toml README.md $(shell find wsla grammar specs -type f -not -name '*.py[co]' 2>/dev/null)

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -6

demo: $(VENV)/.installed
	@$(VENV)/bin/wsla demo

$(VENV)/.made: .ci/environment
	@sh .ci/environment $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made $(SOURCES)
	@echo "installing wsla into $(VENV) ..."
	@$(VENV)/bin/python $(PIP) install --quiet .
	@touch $@

bench: $(VENV)/.installed
	@$(VENV)/bin/python $(PIP) install --quiet ".[bench]"
	@$(VENV)/bin/python -m benchmarks $(BENCH)

$(BUILD)/venv/.made: .ci/environment pyproject.toml
	@rm -rf $(BUILD)/venv
	@sh .ci/environment $(BUILD)/venv
	@$(BUILD)/venv/bin/python $(PIP) install --quiet build
	@touch $@

# The tests run in an empty folder, so that nothing but the installed wheel can answer to `import wsla`.
test: $(BUILD)/venv/.made
	@rm -rf $(BUILD)/dist $(BUILD)/run && mkdir -p $(BUILD)/run
	@echo "building the wheel ..."
	@$(BUILD)/venv/bin/python -m build --outdir $(BUILD)/dist . >$(BUILD)/build.log 2>&1 \
		|| { cat $(BUILD)/build.log; exit 1; }
	@echo "installing the wheel ..."
	@$(BUILD)/venv/bin/python $(PIP) uninstall --quiet --yes wsla 2>/dev/null
	@$(BUILD)/venv/bin/python $(PIP) install --quiet "$$(ls $(BUILD)/dist/wsla-*.whl)[dev,columns,plot,duckdb,postgres,sql,otlp,web,channels,bench]"
	@root=$$(pwd) && cd $(BUILD)/run && build=$$(cd .. && pwd) \
		&& env -u PYTHONPATH WSLA_WHEEL="$$(ls "$$build"/dist/wsla-*.whl)" "$$build/venv/bin/pytest" \
			--config-file="$$root/pyproject.toml" --rootdir="$$root" -p no:cacheprovider \
			-n $(TEST_WORKERS) --dist worksteal "$$root/tests"

clean:
	rm -rf $(VENV) $(BUILD)
