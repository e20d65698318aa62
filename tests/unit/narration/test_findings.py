from narration.findings import Finding, dump_findings, load_findings

FINDINGS = (Finding(flag="silent", measured=-80.0, limit=-45.0, unit="dBFS"),)


def test_findings_survive_the_database() -> None:
    assert load_findings(dump_findings(FINDINGS)) == FINDINGS


def test_fields_of_later_versions_are_passed_over() -> None:
    [stored] = dump_findings(FINDINGS)
    assert load_findings([{**stored, "severity": 3}]) == FINDINGS
