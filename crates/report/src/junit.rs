//! The report as JUnit XML, which pipelines read.

use junit_report::{Duration, ReportBuilder, TestCase, TestCaseBuilder, TestSuiteBuilder};
use validation::{Check, CheckVerdict, Finding, Level, Report};

use crate::findings::said;

/// Writes a test suite for each level and a test case for each check: a check that differs is a
/// failure with its findings. One that could not be made is skipped, or an error where its level is
/// incomplete.
pub fn junit(report: &Report) -> String {
    let mut suites = ReportBuilder::new();
    for level in Level::ALL {
        let checks = report.checks.iter().filter(|check| check.level == level);
        let cases: Vec<TestCase> = checks.map(|check| case(check, report)).collect();
        if !cases.is_empty() {
            let mut suite = TestSuiteBuilder::new(level.name());
            suites.add_testsuite(suite.add_testcases(cases).build());
        }
    }
    let mut xml = Vec::new();
    // A vector takes whatever is written.
    let _ = suites.build().write_xml(&mut xml);
    String::from_utf8_lossy(&xml).into_owned()
}

fn case(check: &Check, report: &Report) -> TestCase {
    // How long one check took is not measured: several share a pass over the rows.
    let none = Duration::ZERO;
    let name = check.name.to_string();
    let mut case = match &check.verdict {
        CheckVerdict::Ok => TestCaseBuilder::success(&name, none),
        CheckVerdict::NotRun { why } if report.incomplete_levels.contains(&check.level) => {
            TestCaseBuilder::error(&name, none, "not run", &unclosed(why))
        }
        CheckVerdict::NotRun { why } => TestCaseBuilder::skipped_with_cause(&name, "not run", why),
        CheckVerdict::Differs => {
            let findings = findings_of(check, report);
            let message = format!("{} findings are listed", findings.len());
            let mut case = TestCaseBuilder::failure(&name, none, "differs", &message);
            let lines: Vec<String> = findings.into_iter().map(line).collect();
            case.set_trace(&unclosed(&lines.join("\n")));
            case
        }
    };
    case.set_classname(&format!("validate.{}", check.level));
    case.set_system_out(&unclosed(&out(check)));
    case.build()
}

fn findings_of<'a>(check: &Check, report: &'a Report) -> Vec<&'a Finding> {
    let of_check = |finding: &&Finding| finding.level == check.level && finding.check == check.name;
    report.findings.iter().filter(of_check).collect()
}

fn line(finding: &Finding) -> String {
    let mut line = finding.kind.name().to_owned();
    if let Some(token) = &finding.token_id {
        line += &format!(" token {token}");
    }
    if let (Some(from), Some(to)) = (finding.from, finding.to) {
        line += &format!(" [{from}, {to})");
    }
    line += &format!(
        ": expected {}, found {}",
        said(&finding.expected),
        said(&finding.found)
    );
    if let Some(command) = &finding.repair {
        line += &format!("; {command}");
    }
    line
}

fn out(check: &Check) -> String {
    let figures: Vec<String> = check
        .figures
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    [figures.join("\n"), check.query.clone()].join("\n")
}

/// Takes away what would end the CDATA section that the library writes a text in, and the control
/// characters that XML has no way to write.
fn unclosed(text: &str) -> String {
    let kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.chars().filter(kept).collect();
    text.replace("]]>", "]] >")
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::Event;
    use validation::{Figures, Kind, Outcome};

    use super::*;

    fn report() -> Report {
        let mut outcome = Outcome::new(10);
        let nasty = Figures::new().with("note", "]]> & <b>\u{1}");
        outcome.checks = vec![
            Check::new(
                Level::Counts,
                "fills",
                true,
                nasty,
                "SELECT 1 WHERE [[1]]>[[0]]",
            ),
            Check::new(Level::Counts, "duplicates", false, Figures::new(), ""),
            Check::not_run(Level::Counts, "checkpoint", "there is none"),
            Check::not_run(Level::Source, "totals by token", "no \"counters\" & <none>"),
        ];
        let place = (Level::Counts, "duplicates");
        let finding = Finding::new(Kind::DuplicateRows, place, 0, 3).of_token(7.into());
        outcome
            .findings
            .push(finding.mended_by("validate --repair --remove-extra"));
        Report::new(outcome)
    }

    #[test]
    fn levels_are_suites_and_checks_are_cases() {
        let xml = junit(&report());
        let count = |tag: &str| xml.matches(tag).count();
        assert_eq!((count("<testsuite "), count("<testcase ")), (2, 4), "{xml}");
        assert_eq!((count("<failure "), count("<skipped ")), (1, 1), "{xml}");
        assert!(xml.contains("token 7: expected 0, found 3; validate --repair --remove-extra"));
        assert!(
            xml.contains("no &quot;counters&quot; &amp; &lt;none&gt;"),
            "{xml}"
        );
    }

    #[test]
    fn a_level_that_could_not_run_is_an_error_and_not_skipped() {
        let xml = junit(&report());
        assert_eq!(xml.matches("<error ").count(), 1, "{xml}");
        let case = xml
            .split("<testcase ")
            .find(|case| case.contains("totals by token"));
        assert!(case.is_some_and(|case| case.contains("<error ")), "{xml}");
    }

    #[test]
    fn whatever_is_said_it_is_xml() {
        let xml = junit(&report());
        let mut reader = Reader::from_str(&xml);
        reader.config_mut().check_end_names = true;
        let mut depth = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(depth, 0);
        let cdata_ends = xml.matches("]]>").count();
        assert_eq!(cdata_ends, xml.matches("<![CDATA[").count());
        assert!(!xml.contains('\u{1}'));
    }
}
