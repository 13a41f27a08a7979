"""Findings as SARIF 2.1.0, so that a code review shows them in the lines they are about."""

import carpscope
from carpscope.checking.document import Json
from carpscope.checking.run import CheckResult
from carpscope.detect.configured import SettledFinding
from carpscope.detect.engine import rules
from carpscope.detect.finding import Severity

_LEVELS = {
    Severity.INFO: "note",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.CRITICAL: "error",
}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(check: CheckResult) -> dict[str, Json]:
    """Give one run with every finding."""
    known = {rule.code: rule for rule in rules()}
    codes = sorted({one.code for one in check.findings})
    listed: list[Json] = []
    for code in codes:
        rule = known.get(code)
        label = next(one.label for one in check.findings if one.code == code)
        title = label.replace("_", " ") if rule is None else rule.title
        listed.append({"id": code, "name": label, "shortDescription": {"text": title}})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "carpscope",
                        "version": carpscope.__version__,
                        "rules": listed,
                    }
                },
                "results": [_result(one) for one in check.findings],
            }
        ],
    }


def _result(finding: SettledFinding) -> Json:
    locations: list[Json] = [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": where.path},
                "region": {"startLine": where.line},
            }
        }
        for where in finding.where[:10]
        if where.path != "-"
    ]
    return {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.summary}. {finding.explanation} {finding.remedy}"},
        "locations": locations,
        "partialFingerprints": {"identity": finding.identity},
    }
