"""What the API's OpenAPI document says, for a page: operations with their fields and an example. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
_LIMITS = {"maxLength": "at most {:,} characters", "maxItems": "at most {:,}"}


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body: `scores[].topic` is inside each of a list."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True)
class Operation:
    """One method of one path. `scope` is what its key must have, '' where it needs none."""

    anchor: str
    tag: str
    method: str
    path: str
    summary: str
    about: str
    scope: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answer: tuple[Field, ...]
    statuses: tuple[tuple[str, str], ...]
    example: str


def operations(document: Schema, url: str) -> list[Operation]:
    """All of the document, in its order; examples call the API at `url`."""
    return [
        _operation(document, url, path, method, found)
        for path, methods in document["paths"].items()
        for method, found in methods.items()
    ]


def _operation(document: Schema, url: str, path: str, method: str, found: Schema) -> Operation:
    scopes = [scope for way in found.get("security", []) for names in way.values() for scope in names]
    body = _content(found.get("requestBody", {}))
    answer = next(_content(said) for status, said in found["responses"].items() if status.startswith("2"))
    return Operation(
        anchor=f"{method}{path.replace('/', '-').replace('{', '').replace('}', '')}",
        tag=found["tags"][0],
        method=method.upper(),
        path=path,
        summary=found["summary"],
        about=found.get("description", "").partition("Scope:")[0].strip(),
        scope=", ".join(scopes),
        parameters=tuple(_parameter(document, one) for one in found.get("parameters", [])),
        body=tuple(_fields(document, body)),
        answer=tuple(_fields(document, answer)),
        statuses=tuple((status, said["description"]) for status, said in found["responses"].items()),
        example=_curl(url, path, method.upper(), bool(scopes), example_of(document, body) if body else None),
    )


def example_of(document: Schema, schema: Schema) -> Any:
    """A value that the schema allows: its own examples where it has some, and only what is required."""
    schema = _resolved(document, schema)
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "object":
        needed = schema.get("required", [])
        properties = schema.get("properties", {})
        return {name: example_of(document, properties[name]) for name in needed}
    raise ValueError(f"no example of {schema}")


def _content(said: Schema) -> Schema:
    """The schema of a body that is JSON; empty for none."""
    found: Schema = said.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _parameter(document: Schema, one: Schema) -> Field:
    kind = _kind(document, one["schema"])
    return Field(one["name"], kind, one.get("required", False), one.get("description", ""))


def _fields(document: Schema, schema: Schema, before: str = "") -> Iterator[Field]:
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    for name, one in schema.get("properties", {}).items():
        yield Field(
            before + name,
            _kind(document, one),
            name in required,
            _resolved(document, one).get("description", ""),
        )
        inside, within = _resolved(document, one), before + name
        if inside.get("type") == "array":
            inside, within = _resolved(document, inside["items"]), f"{within}[]"
        yield from _fields(document, inside, f"{within}.")


def _kind(document: Schema, schema: Schema) -> str:
    """Such as `integer (1 to 1,000, default 100)`."""
    found = _resolved(document, schema)
    limits = [words.format(found[name]) for name, words in _LIMITS.items() if name in found]
    if "minimum" in found and "maximum" in found:
        limits.append(f"{found['minimum']:,.0f} to {found['maximum']:,.0f}")
    if found.get("default") not in (None, "", []):
        limits.append(f"default {json.dumps(found['default'])}")
    within = f" ({', '.join(limits)})" if limits else ""
    if found.get("type") == "array":
        kind = f"list{within} of {_kind(document, found['items'])}"
    elif "enum" in found or "const" in found:
        kind = " or ".join(json.dumps(value) for value in found.get("enum", [found.get("const")])) + within
    else:
        ways = [_resolved(document, one) for one in _ways(schema)]
        kind = " or ".join(str(one.get("format") or one.get("type", "any")) for one in ways) + within
    return kind + (" or null" if _is_nullable(schema) else "")


def _ways(schema: Schema) -> list[Schema]:
    """The schemas of which one must hold, null left out."""
    if "anyOf" not in schema:
        return [schema]
    return [way for one in schema["anyOf"] if one != {"type": "null"} for way in _ways(one)]


def _is_nullable(schema: Schema) -> bool:
    return {"type": "null"} in schema.get("anyOf", [])


def _resolved(document: Schema, schema: Schema) -> Schema:
    """Without references and without the possibility of null; what stands beside them is kept."""
    if "anyOf" in schema:
        inner = next(one for one in schema["anyOf"] if one != {"type": "null"})
        return {**_resolved(document, inner), **{name: schema[name] for name in schema if name != "anyOf"}}
    if "$ref" in schema:
        named: Schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return _resolved(document, named)
    return schema


def _curl(url: str, path: str, method: str, keyed: bool, body: Any) -> str:
    named = re.sub(r"{(\w+)}", lambda name: f"${name[1].upper()}", path)
    lines = [f'curl "{url}{named}"']
    if method not in ("GET", "POST"):
        lines[0] += f" -X {method}"
    if keyed:
        lines.append('-H "Authorization: Bearer $KEY"')
    if body is not None:
        said = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
        lines += ['-H "Content-Type: application/json"', f"-d '{said}'"]
    return " \\\n  ".join(lines)
