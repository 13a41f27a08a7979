"""Provenance as CASE/UCO JSON-LD: which files, examined with what, by whom, giving what.

The ontology has words for evidence, tools, actions and hashes, and none for an election
protocol, so a finding is an annotation in words on the file with its frames. Tests hold the
graph against the shapes of CASE with `case_validate`, the maintainers' own tool. Names of
things are UUIDs of their content: the same report gives the same graph.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping

import carpscope
from carpscope.core.text import shown
from carpscope.core.units import rfc3339
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.text import json_text
from carpscope.report.line import Json

_NAMESPACE = uuid.UUID("7f1b6f53-3c1c-5d0e-9d57-0c5a2b1f8e11")
_ONTOLOGY = "https://ontology.unifiedcyberontology.org/uco/"
_CONTEXT: dict[str, Json] = {
    "kb": "urn:carpscope:kb:",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    **{
        f"uco-{part}": f"{_ONTOLOGY}{part}/"
        for part in ("action", "core", "identity", "observable", "tool", "types")
    },
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def case_jsonld(request: Request, outputs: Mapping[str, bytes]) -> bytes:
    """Give the graph of a report."""
    inputs = [(c.name, c.sha256 or "", c.bytes) for c in request.analysis.captures]
    inputs += [(view.name, view.sha256, view.size) for view in request.logs]
    made = [
        (name, hashlib.sha256(data).hexdigest(), len(data))
        for name, data in sorted(outputs.items())
    ]
    files_in = [_file(*one) for one in inputs]
    files_out = [_file(*one) for one in made]
    seed = "".join(digest for _, digest, _ in (*inputs, *made))
    graph: list[Json] = [*files_in, *files_out, *_action(request, seed, files_in, files_out)]
    evidence = next(f for f, one in zip(files_out, made, strict=True) if one[0].endswith("pcapng"))
    graph += [
        {
            "@id": _id("annotation", seed, finding.identity),
            "@type": "uco-core:Annotation",
            "uco-core:name": f"{finding.code} {finding.label}",
            "uco-core:statement": f"{finding.summary}. {finding.explanation}",
            "uco-core:object": {"@id": evidence["@id"]},
        }
        for finding in request.findings
    ]
    return (json_text({"@context": _CONTEXT, "@graph": graph}) + "\n").encode()


def _id(kind: str, *content: str) -> str:
    return f"kb:{kind}-{uuid.uuid5(_NAMESPACE, chr(0).join((kind, *map(shown, content))))}"


def _file(name: str, digest: str, size: int) -> dict[str, Json]:
    return {
        "@id": _id("file", name, digest),
        "@type": "uco-observable:File",
        "uco-core:hasFacet": [
            {
                "@id": _id("file-facet", name, digest),
                "@type": "uco-observable:FileFacet",
                "uco-observable:fileName": shown(name),
                "uco-observable:sizeInBytes": {"@type": "xsd:integer", "@value": str(size)},
            },
            {
                "@id": _id("content-facet", name, digest),
                "@type": "uco-observable:ContentDataFacet",
                "uco-observable:hash": {
                    "@id": _id("hash", name, digest),
                    "@type": "uco-types:Hash",
                    "uco-types:hashMethod": "SHA256",
                    "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": digest.upper()},
                },
            },
        ],
    }


def _action(
    request: Request, seed: str, inputs: list[dict[str, Json]], outputs: list[dict[str, Json]]
) -> Iterator[dict[str, Json]]:
    """Give the examination: its tool, who performed it, what it took and what it gave."""
    case = request.case
    tool = _id("tool", "carpscope", carpscope.__version__)
    yield {
        "@id": tool,
        "@type": "uco-tool:AnalyticTool",
        "uco-core:name": "carpscope",
        "uco-tool:version": carpscope.__version__,
    }
    action: dict[str, Json] = {
        "@id": _id("action", seed),
        "@type": "case-investigation:InvestigativeAction",
        "uco-core:name": "examined for CARP",
        "uco-core:description": request.command,
        "uco-action:instrument": {"@id": tool},
        "uco-action:endTime": {"@type": "xsd:dateTime", "@value": rfc3339(request.created.at)},
        "uco-action:object": [{"@id": file["@id"]} for file in inputs],
        "uco-action:result": [{"@id": file["@id"]} for file in outputs],
    }
    if case.examiner:
        person = _id("person", case.examiner)
        yield {"@id": person, "@type": "uco-identity:Person", "uco-core:name": shown(case.examiner)}
        action["uco-action:performer"] = {"@id": person}
    if case.organisation:
        name = shown(case.organisation)
        organisation = _id("organization", case.organisation)
        yield {"@id": organisation, "@type": "uco-identity:Organization", "uco-core:name": name}
    yield action
    if case.number:
        everything: list[Json] = [{"@id": file["@id"]} for file in (*inputs, *outputs)]
        told = "; ".join(f"{title}: {text}" for title, text in case.rows())
        yield {
            "@id": _id("investigation", seed, case.number),
            "@type": "case-investigation:Investigation",
            "uco-core:name": shown(case.number),
            "uco-core:description": shown(told),
            "uco-core:object": [*everything, {"@id": action["@id"]}],
        }
