//! `rollout:`.

use super::keys::ROLLOUT;
use super::reader::Reader;
use super::tree::Node;
use crate::model::Rollout;

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Rollout> {
    let fields = reader.fields("`rollout`", node, &ROLLOUT)?;
    let canary: Option<u16> = fields.number(reader, "canary");
    let batch = match fields.has("batch") {
        true => fields.number(reader, "batch"),
        false => Some(0),
    };
    let pause: Option<u32> = fields.number(reader, "pause");
    if !fields.has("canary") && !fields.has("batch") {
        reader
            .report(
                "missing-key",
                fields.span,
                "`rollout` says neither `canary` nor `batch`".into(),
            )
            .hint("for example `rollout: {canary: 1, batch: 2, pause: 30s}`; without it all hosts switch at once");
    }
    Some(Rollout {
        canary: canary?,
        batch: batch?,
        pause: pause?.div_ceil(1000),
    })
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{check, good, lines};
    use crate::model::Rollout;

    fn with(rollout: &str) -> String {
        format!("stack: s\nrollout: {rollout}\nhosts: {{h: x}}\nservices: {{a: {{build: {{}}}}}}\n")
    }

    #[test]
    fn what_a_rollout_says() {
        assert_eq!(
            good("stack: s\nhosts: {h: x}\nservices: {a: {build: {}}}\n").rollout,
            None
        );
        let read = |text: &str| good(&with(text)).rollout.unwrap();
        let expected = Rollout {
            canary: 1,
            batch: 2,
            pause: 30,
        };
        assert_eq!(read("{canary: 1, batch: 2, pause: 30s}"), expected);
        let expected = Rollout {
            canary: 1,
            batch: 0,
            pause: 0,
        };
        assert_eq!(read("{canary: 1}"), expected);
    }

    #[test]
    fn what_it_cannot_say() {
        check(
            &with("{canary: 1, batch: 0}"),
            "2:29 [0] out-of-range: `batch`: `0` is out of range | from 1 to 100",
        );
        let told = lines(&with("{pause: 10s}"));
        assert!(
            told.starts_with("2:") && told.contains("`rollout` says neither `canary` nor `batch`"),
            "{told}"
        );
    }
}
