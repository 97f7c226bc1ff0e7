//! What `doctor` shows to people.

use super::{Paint, printable};
use crate::plan::{Diagnosis, Level};

/// Each place with its checks, and below each that is not well what repairs it.
pub fn diagnosis_text(diagnosis: &Diagnosis, paint: Paint) -> String {
    let mut text = String::new();
    let mut place = None;
    for check in &diagnosis.checks {
        if place != Some(&check.place) {
            if place.is_some() {
                text.push('\n');
            }
            text.push_str(&format!("{}\n", paint.strong(&check.place)));
            place = Some(&check.place);
        }
        let mark = match check.level {
            Level::Ok => paint.good("✓"),
            Level::Warn => paint.warn("!"),
            Level::Fail => paint.bad("✗"),
        };
        text.push_str(&format!(
            "  {mark} {}: {}\n",
            check.name,
            printable(&check.text)
        ));
        if let Some(repair) = &check.repair {
            text.push_str(&format!(
                "      {} {}\n",
                paint.faint("repair:"),
                printable(repair)
            ));
        }
    }
    let count = |level| {
        let checks = diagnosis.checks.iter();
        checks.filter(|check| check.level == level).count()
    };
    let (fails, warns) = (count(Level::Fail), count(Level::Warn));
    let plural = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    text.push_str(&format!(
        "\n{} {}, {}\n",
        if diagnosis.healthy {
            paint.good("✓")
        } else {
            paint.bad("✗")
        },
        plural(fails, "problem"),
        plural(warns, "warning")
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Check;

    #[test]
    fn places_checks_and_repairs() {
        let check = |place: &str, level, repair: Option<&str>| Check {
            place: place.into(),
            name: "disk",
            level,
            text: "said \x1b[31mthis".into(),
            repair: repair.map(str::to_owned),
        };
        let checks = vec![
            check("this machine", Level::Ok, None),
            check("web1", Level::Warn, Some("df")),
            check("web1", Level::Fail, Some("rm")),
        ];
        let text = diagnosis_text(&Diagnosis::of(checks), Paint(false));
        let expected = "this machine\n  ✓ disk: said this\n\nweb1\n  ! disk: said this\n      repair: df\n  \
            ✗ disk: said this\n      repair: rm\n\n✗ 1 problem, 1 warning\n";
        assert_eq!(text, expected);
    }
}
