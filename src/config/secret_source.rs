//! Where the machine that deploys has a secret: `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, …]}`.

use super::keys::SECRET_SOURCE;
use super::reader::Reader;
use super::tree::{Kind, Node};
use crate::model::SecretSource;

const HINT: &str = "write `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`";

/// The source at `node`, the value of the key `name`. A bare text is refused: it would be the secret itself.
pub(super) fn read(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<SecretSource> {
    if matches!(node.kind, Kind::Scalar(_)) {
        // Not `wrong`, which repeats what was found.
        let message = format!("`{name}`: a secret cannot stand in the yaml");
        reader
            .report("secret-in-yaml", node.span, message)
            .hint(HINT)
            .secret();
        return None;
    }
    let fields = reader.fields(&format!("`{name}`"), node, &SECRET_SOURCE)?;
    let given: Vec<&str> = fields.keys().map(|(key, _)| key.name).collect();
    if given.is_empty() && !node.entries().is_empty() {
        // What is there was reported.
        return None;
    }
    let [kind] = given[..] else {
        let message = match given.is_empty() {
            true => format!("`{name}` does not say where the secret is"),
            false => format!("`{name}` says twice where the secret is"),
        };
        reader
            .report("secret-source", node.span, message)
            .hint(HINT);
        return None;
    };
    match kind {
        "env" => fields.parsed(reader, "env").map(SecretSource::Env),
        "file" => {
            let text = fields.text(reader, "file")?;
            reader.path(&text).map(SecretSource::File)
        }
        _ => {
            let node = fields.node("command")?;
            let words = reader.list("command", node, "a list of a program and its arguments")?;
            let mut argv = Vec::new();
            for word in &words {
                let text = super::reader::At {
                    value: word.value.as_str(),
                    span: word.span,
                };
                if !reader.no_control(&text, &[]) {
                    return None;
                }
                argv.push(word.value.clone());
            }
            if argv.first().is_none_or(String::is_empty) {
                let message = "`command` names no program".to_owned();
                reader
                    .report("invalid", node.span, message)
                    .hint("for example `[pass, show, registry]`");
                return None;
            }
            Some(SecretSource::Command(argv))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Problems;
    use super::super::{SourceText, Surroundings, tree};
    use super::*;
    use crate::model::SecretSource;

    fn source(yaml: &str) -> Result<SecretSource, String> {
        let around = Surroundings {
            base: "/srv/names".into(),
            home: Some("/home/ada".into()),
        };
        let mut problems = Problems::default();
        let tree = tree::build(0, yaml, "", &mut problems).expect("it is yaml");
        let mut reader = Reader {
            problems: &mut problems,
            around: &around,
            files: &std::collections::BTreeMap::<std::path::PathBuf, String>::new(),
        };
        let read = read(&mut reader, "password", &tree);
        let errors = problems.into_errors(&[SourceText {
            name: "stackctl.yaml",
            text: yaml,
        }]);
        let json = errors.to_json();
        match json.as_array().and_then(|errors| errors.first()) {
            None => Ok(read.expect("no error and no source")),
            Some(error) => Err(format!(
                "{} | {}",
                error["message"].as_str().unwrap_or_default(),
                error["hint"].as_str().unwrap_or_default()
            )),
        }
    }

    #[test]
    fn each_source_is_read() {
        assert_eq!(
            source("{env: REGISTRY_PASSWORD}").unwrap(),
            SecretSource::Env("REGISTRY_PASSWORD".parse().unwrap())
        );
        assert_eq!(
            source("{file: ~/password}").unwrap(),
            SecretSource::File("/home/ada/password".into())
        );
        assert_eq!(
            source("{file: secrets/password}").unwrap(),
            SecretSource::File("/srv/names/secrets/password".into())
        );
        assert_eq!(
            source("{command: [vault, read, -field=password, 1]}").unwrap(),
            SecretSource::Command(
                ["vault", "read", "-field=password", "1"]
                    .map(str::to_owned)
                    .to_vec()
            )
        );
    }

    #[test]
    fn what_is_no_source_is_refused() {
        for (yaml, expected) in [
            (
                "hunter2",
                format!("`password`: a secret cannot stand in the yaml | {HINT}"),
            ),
            (
                "{env: A, file: b}",
                format!("`password` says twice where the secret is | {HINT}"),
            ),
            (
                "{}",
                format!("`password` does not say where the secret is | {HINT}"),
            ),
            (
                "{command: []}",
                "`command` names no program | for example `[pass, show, registry]`".into(),
            ),
            (
                "{command: pass show registry}",
                "`command`: expected a list of a program and its arguments, found `pass show registry` | write it as a list: `command: [pass, show, registry]`".into(),
            ),
            (
                "{variable: A}",
                "unknown key `variable` | did you mean `env`?".into(),
            ),
        ] {
            assert_eq!(source(yaml).unwrap_err(), expected, "{yaml}");
        }
        assert!(source("{env: a-b}").unwrap_err().contains("a-b"));
        assert!(
            source("{file: }")
                .unwrap_err()
                .contains("`file` has no value")
        );
    }
}
