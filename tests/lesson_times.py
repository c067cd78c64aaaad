"""How long the lessons took in the browser, each and together, at the end of a run's report."""

LESSONS = "browser/test_lessons.py::"


def pytest_terminal_summary(terminalreporter):
    """Print the seconds of each lesson that ran, and their sum; nothing where none did."""
    stats = terminalreporter.stats
    ended = [*stats.get("passed", []), *stats.get("failed", [])]
    ran = [report for report in ended if LESSONS in report.nodeid and report.when == "call"]
    if not ran:
        return
    for report in sorted(ran, key=lambda report: report.nodeid):
        terminalreporter.write_line(f"{report.nodeid.split('[')[-1][:-1]}: {report.duration:.0f} s")
    together = sum(report.duration for report in ran)
    terminalreporter.write_line(f"{len(ran)} lessons in the browser: {together:.0f} s")
