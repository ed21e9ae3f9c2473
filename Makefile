# One target for each task of a developer. Needs Python 3.11 or newer with venv and pip, git and make.
.DEFAULT_GOAL := help
.PHONY: help up down test prove check fix migration openapi rooms monitoring bench clean lock image-pin image-test rolling drill pictures

export PYTHON
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE PYTHONWARNINGS PYTHONDONTWRITEBYTECODE PYTHONOPTIMIZE
bootstrap := ./scripts/python scripts/bootstrap.py
bin := .venv/bin

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

up: ## Prepare everything and run V-Factory here until Ctrl-C
	@$(bootstrap) local
	@$(bin)/vfactory up

down: ## Stop V-Factory, and processes that a killed `make up` left behind
	@$(bootstrap) local
	@$(bin)/vfactory down

test: ## Prepare everything and run all tests but the long proofs
	@$(bootstrap) dev
	@./scripts/test

prove: ## Run the proofs that take long, before a release
	@$(bootstrap) dev
	@$(bin)/python -P -m pytest -n 0 -m prove

check: ## Check formatting, lint, types, imports, and that generated files are up to date
	@$(bootstrap) dev
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports
	$(bin)/python -P scripts/draw_rooms.py --check
	$(bin)/python -P openapi/generate.py --check
	PYTHONPATH=. $(bin)/python -P -m monitoring check
	PYTHONPATH=. $(bin)/python -P -m deploy check

fix: ## Apply the fixes that tools can make
	@$(bootstrap) dev
	$(bin)/ruff check --fix
	$(bin)/ruff format

migration: ## Write a migration: SERVICE=factory_core MESSAGE="add zones"
	@$(bootstrap) dev
	@$(bin)/python -P scripts/migration.py "$(SERVICE)" "$(MESSAGE)"

openapi: ## Write openapi/*.json from the services
	@$(bootstrap) dev
	$(bin)/python -P openapi/generate.py

rooms: ## Draw docs/pictures/rooms.svg from the code's imports
	@$(bootstrap) dev
	$(bin)/python -P scripts/draw_rooms.py

monitoring: ## Write rules, dashboards, manifests and the image's version from their sources
	@$(bootstrap) dev
	@PYTHONPATH=. $(bin)/python -P -m monitoring generate
	@PYTHONPATH=. $(bin)/python -P -m deploy generate

bench: ## Run the benchmarks, each in a clean process; ONLY=name,… for some of them
	@$(bootstrap) dev
	@$(bin)/python -m benchmarks $(if $(ONLY),--only "$(ONLY)")

image-pin: ## Write the digests of all images into Dockerfile, compose.yaml and manifests (skopeo or docker)
	@$(bootstrap) dev
	@PYTHONPATH=. $(bin)/python -P -m deploy pin

image-test: ## Build the image without a container engine and run every service from it (root)
	@$(bootstrap) dev
	@$(bin)/python -P deploy/docker/image_test.py

drill: ## Break a separate stack in every way that must raise an alert (40 minutes); ONLY=name,… for some
	@$(bootstrap) dev
	@PYTHONPATH=. $(bin)/python -P -m monitoring.drills $(if $(ONLY),--only "$(ONLY)")

pictures: ## Draw all dashboards, after 15 minutes of traffic and one drill, into docs/pictures/dashboards
	@$(bootstrap) dev
	@PYTHONPATH=. $(bin)/python -P -m monitoring.pictures

rolling: ## Update all Deployments with local processes behind HAProxy, under load
	@$(bootstrap) dev
	@PYTHONPATH=. $(bin)/python -P -m deploy.rolling

lock: ## Resolve the dependencies again into requirements/
	@$(bootstrap) dev
	@./scripts/lock

clean: ## Remove generated files; keep .vfactory, which holds the data
	@running=$$(ps -Aww -o pid= -o args= | sed 's/^ *//' | awk -v place="$(CURDIR)/.venv/" \
		'{ pid = $$1; sub(/^[0-9]+ /, ""); if (index($$0, place) == 1) printf " %s", pid }'); \
	if [ -n "$$running" ]; then \
		echo "V-Factory: processes run from .venv and would break:$$running. Stop V-Factory with make down." >&2; \
		exit 1; \
	fi
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis
	rm -rf .coverage* dist build
	find benchmarks deploy examples monitoring openapi scripts src tests -name __pycache__ -type d -prune -exec rm -rf {} +
