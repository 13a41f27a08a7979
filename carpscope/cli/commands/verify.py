"""`carpscope verify`: is a report still what was made, and of this evidence?"""

import argparse

from carpscope.cli.command import Command

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.report.trust import TrustedSigner

EXAMPLES = """\
  carpscope verify case-17
  carpscope verify case-17 --key examiner.pub.pem
  carpscope verify case-17 --trust examiners.allowed
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
        "--trust",
        metavar="FILE",
        help="several whose signature it may be, as OpenSSH's allowed_signers",
    )
    parser.add_argument(
        "--timestamp-ca",
        metavar="FILE",
        help="certificates of who may have stamped it (RFC 3161), PEM",
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
    parser.add_argument("-q", "--quiet", action="store_true", help="print the last line alone")


def run(options: argparse.Namespace) -> int:
    """Check and say what is intact, altered, missing or added; exit 1 where something is."""
    from pathlib import Path

    from carpscope.report.forensic.verify import verify

    evidence = [Path(path) for path in options.evidence]
    authorities = None
    if options.timestamp_ca:
        from carpscope.report.sign import key_file

        authorities = key_file(options.timestamp_ca, "--timestamp-ca")
    answer = verify(Path(options.folder), _trusted(options), evidence, authorities)
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
                    "vouching": answer.vouching.name.lower(),
                    "says": answer.last_word,
                    "signer": signer,
                    "remarks": found,
                }
            )
        )
    else:
        for remark in () if options.quiet else answer.remarks:
            mark = "✗" if remark.condition.is_bad else "·" if remark.detail == "" else "✓"
            mark = "?" if remark.condition.value == "not checked" else mark
            detail = f"  {remark.detail}" if remark.detail else ""
            print(f"{mark} {remark.condition.value:<11}  {remark.what}{detail}")
        print(answer.last_word if options.quiet else f"\n{answer.last_word}")
    return 0 if answer.is_intact else 1


def _trusted(options: argparse.Namespace) -> "list[TrustedSigner]":
    """Read whose signature is looked for."""
    import datetime as dt

    from carpscope.report.sign import key_file, read_public
    from carpscope.report.trust import TrustedSigner, read_trusted

    found = []
    if options.key:
        found.append(TrustedSigner(read_public(key_file(options.key, "--key"), options.key)))
    if options.trust:
        data = key_file(options.trust, "--trust")
        found += read_trusted(data, options.trust, dt.datetime.now(dt.UTC))
    return found


COMMAND = Command(
    "verify",
    "check a report: what is intact, altered, missing or added",
    "Compares every file of a report with its manifest, the manifest with its signature, and\n"
    "captures with what the report was made of. The last line says who vouches: altered; intact,\n"
    "signed by a key you named, or by whom; or unsigned. Status: 0 intact, 1 not, 2 cannot say.",
    EXAMPLES,
    configure,
    run,
)
