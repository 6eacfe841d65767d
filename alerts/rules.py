"""Rules as files say them: YAML in, immutable Rule values out."""

from pathlib import Path
from typing import Any

import yaml

from alerts.rule import Rule
from alerts.rules_reader import RuleReader
from alerts.rules_words import describe
from tidings.errors import ConfigError

__all__ = ["DEFAULT_RULES", "RULES_SCHEMA", "Rule", "describe", "load_rules", "parse_rules"]

DEFAULT_RULES = Path(__file__).with_name("default_rules.yaml")
RULES_SCHEMA = Path(__file__).with_name("rules.schema.json")


def load_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """Reads a rules file (None: the default pack); ConfigError names file, line, rule, field and fix."""
    path = DEFAULT_RULES if path is None else path
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check alerts.rules") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    return parse_rules(text, str(path), path.parent)


def parse_rules(text: str, origin: str, folder: Path = Path()) -> tuple[Rule, ...]:
    """The rules in a YAML text; `origin` names it in errors, `folder` is where its include_file names start."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{origin}: {line}not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list) or not data["rules"]:
        raise ConfigError(f"{origin}: must hold a list under 'rules:'; see deploy/rules.example.yaml")
    for key in data:
        if key != "rules":
            raise ConfigError(f"{origin}: unknown key {key!r}; the only key at the top is 'rules'")
    lines = _rule_lines(root, origin)
    rules: dict[str, Rule] = {}
    for number, (entry, at) in enumerate(zip(data["rules"], lines, strict=True), start=1):
        rule = RuleReader(entry, origin, number, at, folder).rule()
        if rule.name in rules:
            raise ConfigError(
                f"{origin}: line {at['']}: rule {number}: name {rule.name!r} is taken; give each its own"
            )
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule_lines(root: Any, origin: str) -> list[dict[str, int]]:
    """For each rule the line of each of its keys, and under '' its own; a key given twice is an error."""
    (listed,) = [value for key, value in root.value if key.value == "rules"][:1]
    found = []
    for node in listed.value:
        at = {"": node.start_mark.line + 1}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            line = key.start_mark.line + 1
            if key.value in at:
                raise ConfigError(f"{origin}: line {line}: {key.value} is given twice in one rule; keep one")
            at[key.value] = line
        found.append(at)
    return found
