"""`carpscope verify`: is a report still what was made, and of this evidence?"""

import argparse

from carpscope.cli.command import Command

EXAMPLES = """\
  carpscope verify case-17
  carpscope verify case-17 --key examiner.pub.pem
  carpscope verify case-17 --key ~/.ssh/id_ed25519.pub --evidence office.pcap core.pcap.gz

without carpscope:
  ssh-keygen -Y check-novalidate -n carpscope-report -s manifest.sig < manifest.json
  jq -r '.outputs[] | "\\(.sha256)  \\(.name)"' manifest.json | sha256sum -c"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", metavar="DIR", help="what `carpscope report -o DIR` made")
    parser.add_argument(
        "--key", metavar="PUB", help="whose signature it must be: PEM or OpenSSH, Ed25519"
    )
    parser.add_argument(
        "--evidence",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="captures and logs that the report was made of",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def run(options: argparse.Namespace) -> int:
    """Check and say what is intact, altered, missing or added; exit 1 where something is."""
    from pathlib import Path

    from carpscope.report.forensic.verify import verify
    from carpscope.report.sign import key_file, read_public

    key = None
    if options.key:
        key = read_public(key_file(options.key, "--key"), options.key)
    answer = verify(Path(options.folder), key, [Path(path) for path in options.evidence])
    if options.json:
        from carpscope.report.forensic.text import json_text

        found = [
            {"condition": r.condition.value, "what": r.what, "detail": r.detail or None}
            for r in answer.remarks
        ]
        signer = answer.signer.fingerprint if answer.signer else None
        print(
            json_text(
                {
                    "schema": "carpscope.verification/1",
                    "intact": answer.is_intact,
                    "signer": signer,
                    "remarks": found,
                }
            )
        )
    elif not options.quiet:
        for remark in answer.remarks:
            mark = "✗" if remark.condition.is_bad else "·" if remark.detail == "" else "✓"
            mark = "?" if remark.condition.value == "not checked" else mark
            detail = f"  {remark.detail}" if remark.detail else ""
            print(f"{mark} {remark.condition.value:<11}  {remark.what}{detail}")
        print("\nintact" if answer.is_intact else "\nNOT what was made")
    return 0 if answer.is_intact else 1


COMMAND = Command(
    "verify",
    "check a report: what is intact, altered, missing or added",
    "Compares every file of a report with its manifest, the manifest with its signature, and\n"
    "captures with what the report was made of. Exit status: 0 intact, 1 not, 2 could not work.",
    EXAMPLES,
    configure,
    run,
)
