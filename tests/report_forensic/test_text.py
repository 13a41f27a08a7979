"""Text for a table: no cell, however a spreadsheet takes a line apart, begins a formula."""

import csv
import io
import re

import pytest

from carpscope.report.forensic.text import csv_table

SIGNS = "=+-@＝＋－＠"


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["", " ", ";", "a;", "a; ", "a,", "a|", '";', "a;;", '"', "a;'"])
def test_no_cell_begins_as_a_formula_does(sign: str, before: str) -> None:
    told = csv_table(["head"], [[f"{before}{sign}HYPERLINK(1)"]]).decode().splitlines()[1]
    cells = [cell.strip('" ') for cell in re.split(r"[;,\t|]", told)]
    assert not [cell for cell in cells if cell and cell[0] in SIGNS], told


def test_other_text_and_numbers_stay_as_they_are() -> None:
    row = ["fw1;fw2", "a-b", "1 + 1", -5, -0.5, "2026-11-30", None, True]
    (read,) = list(csv.reader(io.StringIO(csv_table([], [row]).decode())))[1:]
    assert read == ["fw1;fw2", "a-b", "1 + 1", "-5", "-0.5", "2026-11-30", "", "true"]
