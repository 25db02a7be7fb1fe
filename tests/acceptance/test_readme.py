"""What the documents tell a reader to write and to type is right."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from cloudwarden import hours, loading
from cloudwarden.app import KINDS
from cloudwarden.cli import app
from cloudwarden.cli.exits import EPILOG, Exit
from cloudwarden.core.policy import Mode
from cloudwarden.settings import load_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
NOT_OURS = ("https://", "http://", "mailto:", "#")


def blocks(language: str) -> list[str]:
    """The README's code blocks in a language, set at the margin."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{margin}", "", text, flags=re.MULTILINE) for margin, text in found]


def table(heading: str) -> Mapping[str, str]:
    """The README's two-column table under these column names, without its marks of code."""
    (rows,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    cells = [re.fullmatch(r"\| (.+) \| (.+) \|", row) for row in rows.replace("`", "").splitlines()]
    return {row[1]: row[2] for row in cells if row is not None}


def commands() -> Iterator[Any]:
    """Every command line of ours that a document shows between marks of code, on one line or broken over two."""
    for document in DOCUMENTS:
        for text in re.findall(r"`(cloudwarden (?!`)[^`]+)`", document.read_text()):
            words = " ".join(text.split())
            yield pytest.param(words, id=f"{document.name}: {words}")


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A directory of policy files, one for each Python block of the README."""
    directory = tmp_path / "policies"
    directory.mkdir()
    for number, block in enumerate(blocks("python")):
        (directory / f"block_{number}.py").write_text(f'"""A block of the README."""\n\n{block}')
    return directory


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """The README's first settings."""
    file = tmp_path / "cloudwarden.toml"
    file.write_text(blocks("toml")[0])
    return file


def test_policies_of_the_readme_load(policies: Path) -> None:
    """As they stand, without a problem."""
    loaded = loading.load(policies, {})
    assert [str(problem) for problem in loaded.problems] == []
    assert set(loaded.policies) == {"stop-idle-instances", "find-quiet-instances"}


def test_policies_of_the_readme_are_typed(policies: Path) -> None:
    """mypy accepts them as strictly as it accepts ours."""
    command = ["-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *map(str, policies.iterdir())]
    told = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_settings_of_the_readme_load(policies: Path, settings_file: Path) -> None:
    """They only look, and what they change in a policy fits the policy above."""
    settings = load_settings(settings_file)
    assert settings.ceiling is Mode.OBSERVE
    loaded = loading.load(policies, settings.policy, settings_file=settings_file)
    assert [str(problem) for problem in loaded.problems] == []
    assert loaded.policies["stop-idle-instances"].params.window == hours(12)


def test_all_settings_of_the_readme_can_be_written(tmp_path: Path) -> None:
    """Each block is a settings file by itself."""
    for block in blocks("toml"):
        file = tmp_path / "cloudwarden.toml"
        file.write_text(block)
        assert load_settings(file).file == file


def test_the_verbs_are_those_that_there_are() -> None:
    """None is missing from the table, and none is promised."""
    told = [verb for verbs in table("verb") for verb in verbs.split(", ")]
    assert len(told) == len(set(told))
    assert set(told) == set(_group(typer.main.get_command(app)).commands)


def test_every_verb_but_the_daemon_prints_json() -> None:
    """With the same option everywhere."""
    without = {" ".join(path) for path, verb in _leaves(typer.main.get_command(app)) if "--json" not in _options(verb)}
    assert without == {"run"}


def test_exit_codes_are_those_that_verbs_end_with() -> None:
    """In the table, in `--help`, and in the code."""
    told = table("exit code")
    text = "; ".join(f"{code} {meaning}" for code, meaning in told.items())
    assert f"Exit codes: {text}." == EPILOG
    interrupted = 130
    assert {int(code) for code in told} == {*Exit, interrupted}


def test_the_kinds_are_those_that_there_are() -> None:
    """By the names that policies import."""
    (told,) = re.findall(r"^Rules can judge (.*?)\. \[Adding\sone\]", README, re.MULTILINE | re.DOTALL)
    names = [kind.resource.__name__ for kind in KINDS]
    assert sorted(re.findall(r"`(?:\w+\.)?(\w+)`", told)) == sorted(names)


@pytest.mark.parametrize("command", list(commands()))
def test_commands_can_be_typed(command: str) -> None:
    """The verb exists and takes these arguments and options; nothing is run."""
    _, *words = shlex.split(command)
    verb = typer.main.get_command(app)
    context = verb.make_context("cloudwarden", words)
    while (group := getattr(context.command, "resolve_command", None)) is not None:
        if not _rest(context) and getattr(context.command, "invoke_without_command", False):
            return
        name, verb, words = group(context, _rest(context))
        context = verb.make_context(name, words, parent=context)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_what_documents_point_to_exists(document: Path) -> None:
    """Files by links and by paths, and the verbs of make."""
    text = document.read_text()
    linked = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith(NOT_OURS)]
    assert [link for link in linked if not (document.parent / link.partition("#")[0]).exists()] == []
    paths = re.findall(r"`((?:daemon|deploy|docs|policies|tests|\.ci)/[\w./-]*)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    made = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z]+)", text)) <= set(made)


def _group(command: Any) -> Any:
    assert hasattr(command, "commands")
    return command


def _leaves(command: Any, path: Sequence[str] = ()) -> Iterator[tuple[Sequence[str], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from _leaves(below, (*path, name))


def _options(command: Any) -> list[str]:
    return [option for parameter in command.params for option in parameter.opts]


def _rest(context: Any) -> list[str]:
    rest: list[str] = [*context._protected_args, *context.args]
    return rest
