# Two commands do it all on a fresh machine: `make demo` and `make test`. Both find or install what they need.

BIN := .venv/bin

.PHONY: demo test lint bench docs install-demo install-dev

# The whole story in a minute, with no key and no network.
demo: install-demo
	@$(BIN)/tradewarden demo

# Everything that must hold before a change is merged.
test: lint
	$(BIN)/pytest -n 2 --dist loadgroup

lint: install-dev
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Numbers, not verdicts; compare only what one run printed.
bench: install-dev
	@for one in benchmarks/*.py; do echo "== $$one"; $(BIN)/python "$$one" || exit 1; done

# The pages that are written from the code.
docs: install-dev
	$(BIN)/python -m tests.docs.commands_page
	$(BIN)/python -m tests.docs.bots_page

install-demo:
	@./constraints/install.sh demo

install-dev:
	@./constraints/install.sh dev
