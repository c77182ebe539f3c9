"""Reads a project folder: config.yml, the domain, everything under data/. One function, all errors at once.

Files are known by what is in them, not by their names: `nlu` and `responses` are training data, `stories` and `rules`
are flows, and one file may hold all of them. The domain is domain.yml, or every file under domain/, or both. Folders
are read to the bottom, in the order of their paths. A file that says it is of a newer format than 3.1 is left out
with a warning.
"""

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bot_runtime.assistants.checking import Checker
from bot_runtime.assistants.config_reader import Config, read_config
from bot_runtime.assistants.domain import Domain
from bot_runtime.assistants.domain_reader import Parts, build_domain, merge_domains, warn_of_unknown_names
from bot_runtime.assistants.domain_sections import DOMAIN_KEYS, check_domain
from bot_runtime.assistants.errors import AssistantWarning, Findings
from bot_runtime.assistants.nlu_data import TrainingData
from bot_runtime.assistants.nlu_reader import NluReader
from bot_runtime.assistants.responses_reader import check_responses
from bot_runtime.assistants.story_data import Story
from bot_runtime.assistants.story_reader import action_texts, read_stories
from bot_runtime.assistants.yaml_reader import YamlMap, plain, read_yaml

CONFIG = "config.yml"
_NLU_KEYS = ("nlu", "responses")
_FLOW_KEYS = ("stories", "rules")
_SUFFIXES = (".yml", ".yaml")
_LATEST = (3, 1)


class Project(msgspec.Struct, frozen=True):
    """A project as its files say. `digest` (64 hex digits) changes when anything in it that matters does.

    `endpoints` and `credentials` are the contents of those files with environment variables replaced: secrets, not
    for logs. Actions are not here; they live in `root / "actions"` and are run by another process.
    """

    root: Path
    name: str
    config: Config
    domain: Domain
    nlu: TrainingData
    stories: tuple[Story, ...]
    endpoints: dict[str, Any]
    credentials: dict[str, Any]
    warnings: tuple[AssistantWarning, ...]
    digest: str


def load(root: Path, environment: Mapping[str, str] | None = None) -> Project:
    """Read the project in the folder `root`. Raises `LoadFailed` with every error found.

    `environment` is what `${NAME}` stands for in config.yml, endpoints.yml and credentials.yml. If None it is the
    process's own without what belongs to Frontdesk: whoever writes an assistant must not read the master key.
    """
    if environment is None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK_")}
    return _Loading(root, environment).project()


def load_stories(path: Path, domain: Domain) -> list[Story]:
    """The stories of one file (test stories), against an existing domain. Raises `LoadFailed`."""
    findings = Findings()
    document = read_yaml(path, path.name, findings)
    stories = read_stories(document, domain, Checker(path.name, findings)) if document is not None else []
    findings.raise_if_any()
    return stories


class _Loading:
    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._root = root
        self._environment = environment
        self._findings = Findings()

    def project(self) -> Project:
        findings = self._findings
        if not self._root.is_dir():
            findings.error(str(self._root), 1, "There is no such folder.")
            findings.raise_if_any()
        config = self._config()
        parts = list(self._domain_files())
        data = list(self._data_files())
        nlu = NluReader()
        for document, checker in data:
            check_responses(checker.section(document, "responses", dict), checker)
            nlu.read(document, checker)
        findings.raise_if_any()  # a domain with errors cannot be built
        domain = self._domain(parts, data, nlu)
        stories = [story for document, checker in data for story in read_stories(document, domain, checker)]
        findings.raise_if_any()
        training = _training_data(nlu, domain, config)
        return Project(
            self._root,
            self._root.resolve().name,
            config,
            domain,
            training,
            tuple(stories),
            self._settings("endpoints"),
            self._settings("credentials"),
            self._warnings(),
            _digest(config, domain, training, stories),
        )

    def _warnings(self) -> tuple[AssistantWarning, ...]:
        self._findings.raise_if_any()
        return tuple(sorted(set(self._findings.warnings)))

    def _config(self) -> Config:
        path = self._root / CONFIG
        if not path.is_file():
            self._findings.error(CONFIG, 1, "The project has no config.yml.")
            return Config()
        document = read_yaml(path, CONFIG, self._findings, self._environment)
        return Config() if document is None else read_config(document, Checker(CONFIG, self._findings))

    def _settings(self, name: str) -> dict[str, Any]:
        for suffix in _SUFFIXES:
            path = self._root / (name + suffix)
            if path.is_file():
                document = read_yaml(path, path.name, self._findings, self._environment)
                return plain(document) if document is not None else {}
        return {}

    def _domain_files(self) -> Iterator[tuple[YamlMap, Checker]]:
        named = [self._root / f"domain{suffix}" for suffix in _SUFFIXES]
        paths = [path for path in named if path.is_file()] + _yaml_files(self._root / "domain")
        if not paths:
            self._findings.error("domain.yml", 1, "The project has no domain.yml and no folder domain/.")
        for document, checker in self._documents(paths):
            if any(key in document for key in DOMAIN_KEYS):
                check_domain(document, checker)
                yield document, checker
            for key in ("nlu", *_FLOW_KEYS):
                if key in document:
                    checker.warn(document.line_of(key), f"`{key}` is read under data/ only; here it is left out.")

    def _data_files(self) -> Iterator[tuple[YamlMap, Checker]]:
        for document, checker in self._documents(_yaml_files(self._root / "data")):
            if any(key in document for key in (*_NLU_KEYS, *_FLOW_KEYS)):
                yield document, checker
            for key in DOMAIN_KEYS:
                if key in document and key not in _NLU_KEYS:
                    message = f"`{key}` is read in domain.yml and under domain/ only; here it is left out."
                    checker.warn(document.line_of(key), message)

    def _documents(self, paths: list[Path]) -> Iterator[tuple[YamlMap, Checker]]:
        for path in paths:
            shown = path.relative_to(self._root).as_posix()
            checker = Checker(shown, self._findings)
            document = read_yaml(path, shown, self._findings)
            if document is not None and _is_readable_version(document, checker):
                yield document, checker

    def _domain(self, parts: Parts, data: Parts, nlu: NluReader) -> Domain:
        retrieval = {intent.partition("/")[0] for example in nlu.examples if "/" in (intent := example.intent)}
        texts = [text for document, _ in data for text in action_texts(document)]
        merged = merge_domains(parts)
        domain = build_domain(merged, retrieval=retrieval, responses=nlu.responses, action_texts=texts)
        warn_of_unknown_names(domain, parts)
        self._warn_of_silent_actions(domain, parts)
        return domain

    def _warn_of_silent_actions(self, domain: Domain, parts: Parts) -> None:
        silent = {name for name in domain.actions if name.startswith("utter_") and name not in domain.responses}
        silent -= {f"utter_{intent}" for intent in domain.retrieval_intents}
        for document, checker in parts:
            for name in silent.intersection(item for item in document.get("actions") or () if isinstance(item, str)):
                checker.warn(document.line_of("actions"), f"The action `{name}` has no response: it says nothing.")


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file())


def _is_readable_version(document: YamlMap, checker: Checker) -> bool:
    line = document.line_of("version")
    if not checker.has(document, "version", str, "the file"):
        return "version" not in document or document["version"] is None
    numbers = re.fullmatch(r"(\d+)(?:\.(\d+))?(?:\.\d+)*", document["version"].strip("\"' "))
    if numbers is None:
        checker.error(line, f'`{document["version"]}` is not a version; write `version: "3.1"`.')
        return False
    version = (int(numbers[1]), int(numbers[2] or 0))
    if version > _LATEST:
        checker.warn(line, f"The file is of format {document['version']}, newer than 3.1: it is left out.")
        return False
    if version < _LATEST:
        checker.warn(line, f"The file is of format {document['version']}; it is read as 3.1.")
    return True


def _training_data(nlu: NluReader, domain: Domain, config: Config) -> TrainingData:
    retrieval: dict[str, dict[str, None]] = defaultdict(dict)
    for example in nlu.examples:
        if "/" in example.intent:
            retrieval[example.base_intent][example.intent] = None
    return TrainingData(
        tuple(nlu.examples),
        nlu.synonyms,
        tuple(nlu.regexes),
        tuple((name, tuple(words)) for name, words in nlu.lookups.items()),
        tuple(dict.fromkeys(example.base_intent for example in nlu.examples)),
        {base: tuple(names) for base, names in retrieval.items()},
        {name: variations for name, variations in domain.responses.items() if "/" in name},
        domain.entities,
        config.language,
        config.pipeline,
    )


def _digest(config: Config, domain: Domain, nlu: TrainingData, stories: list[Story]) -> str:
    content = msgspec.json.encode([config, domain.data, nlu, stories], order="deterministic")
    return hashlib.sha256(content).hexdigest()
