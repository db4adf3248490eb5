# The only door. Every recipe is one line; what it does is in the file it names.
SHELL := /bin/bash
PORT ?= 4566
POLICY ?= local/policy.toml
ANSWER ?=
ENV ?= test
STACK ?= all
DRIFT ?=
FORCE ?=
ARCH ?= arm64
PACKAGES ?= target/debug
RUNS ?= 100000
SAMPLE ?=
STORM ?= 5000
CORPUS ?= fixtures/findings
# Half of a test's time is waiting for an AWS.
THREADS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
LOCAL = PYTHONPATH=local .venv/bin/python -m firebreak_local

.PHONY: help install build demo test storm faults check second-opinion policies bench fuzz report local replay doctor advisories package deploy undeploy clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

install: ## Install the local AWS and the checkers into .venv (nothing global).
	@local/install

build: ## Build everything.
	@test -d target || echo 'The first build takes about 5 minutes on 2 cores: the EC2 SDK alone has 1.2 million lines.'
	@cargo build --workspace

demo: install build ## Three findings in, three resources contained, evidence kept, the review answered. ANSWER=approve|release
	@ANSWER=$(ANSWER) target/debug/demo

test: install build ## Everything that must hold. SAMPLE=HASH repeats the sample of the fault sweep of that commit
	@rm -rf target/recorded-calls
	@SAMPLE=$(SAMPLE) RUST_TEST_THREADS=$(THREADS) FIREBREAK_RECORD_CALLS=$(CURDIR)/target/recorded-calls cargo test --workspace --tests
	@infra/least-privilege/check
	@PYTHONPATH=infra:infra/tests .venv/bin/python -m unittest discover --start-directory infra/tests --pattern 'test_*.py'

storm: install build ## Thousands of imported findings beside a true one. STORM=5000
	@STORM=$(STORM) cargo test -p firebreak-drill --test whole -- storm:: --nocapture

faults: install build ## Every call of every containment broken in every way, in real processes: all of what `make test` samples.
	@SAMPLE=all cargo test --workspace --tests -- faults:: fault_sweep:: --nocapture

check: install ## Formatting, lints, dependencies, IAM policies, templates and state machine, and whether planted faults are caught.
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@supply-chain/check --faults
	@policies/check --mutate
	@infra/check --faults

second-opinion: install build ## The stacks and three incidents on MiniStack, IAM deciding. PACKAGES=target/debug|target/lambda/x86_64
	@second-opinion/run --packages $(PACKAGES)

policies: install ## Whether the IAM policies stop and allow what they must, offline.
	@policies/check --mutate

advisories: install ## Whether a crate has a known vulnerability. Needs the network: the advisory database of RustSec.
	@supply-chain/advisories

bench: install build ## How fast triage decides, and how many round trips a containment needs, beside the handler of an article.
	@cargo bench -p firebreak
	@cargo build --release -p quarantine-iam
	@target/debug/firebreak-bench

fuzz: ## Throw malformed events at triage. RUNS=100000
	@fuzz/run $(RUNS)

report: build ## What is decided about every finding of a folder, as a table. CORPUS=fixtures/findings
	@target/debug/firebreak plan --batch $(CORPUS) --report target/finding-types.md

local: install build ## The local AWS in the foreground with Firebreak deployed. PORT=4566 POLICY=local/policy.toml
	@exec env $(LOCAL) --port $(PORT) --bin-dir target/debug --policy $(POLICY) --offer

replay: build ## Replay a finding: make replay EVENT=fixtures/findings/guardduty/bitcoin-tool.json
	@target/debug/firebreak replay $(EVENT) --follow

doctor: build ## Whether a deployment would contain a finding that comes in now. The usual AWS environment says which.
	@target/debug/firebreak doctor

package: install ## The functions for Lambda, the same bytes each time. ARCH=arm64|x86_64 ENV=dev|test|prod
	@infra/package --environment $(ENV) --architecture $(ARCH)

deploy: install ## Shows what would change, asks, deploys. ENV=dev|test|prod STACK=all|security-account|... DRIFT=revert
	@infra/deploy --environment $(ENV) --stack $(STACK) --architecture $(ARCH) $(if $(filter revert,$(DRIFT)),--revert-drift)

undeploy: install ## Shows what would go and what stays, asks, removes. ENV=dev|test|prod FORCE=1
	@infra/undeploy --environment $(ENV) $(if $(FORCE),--force)

clean: ## Remove what was built and installed.
	@rm -rf target .venv .local
