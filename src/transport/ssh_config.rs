//! What `ssh_config` files say of a host, by OpenSSH's rules: the first value found holds, `IdentityFile` adds up.
//! Pure: texts in, settings out; `Include` asks its caller for the files.
//!
//! Absent on purpose: `Match exec`, `canonical` and `final` never match, and say so in [`Settings::notes`];
//! `CanonicalizeHostname`; tokens that need a connection.

use std::path::PathBuf;

use super::known_hosts::{glob, matches_list};

/// OpenSSH stops at the same depth.
const INCLUDE_DEPTH: usize = 16;

/// Settings as written: tokens and `~` are still to be expanded with [`Tokens`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    pub host_name: Option<String>,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub identity_files: Vec<String>,
    pub certificate_files: Vec<String>,
    pub identities_only: Option<bool>,
    pub identity_agent: Option<String>,
    pub user_known_hosts: Option<Vec<String>>,
    pub global_known_hosts: Option<Vec<String>>,
    pub host_key_alias: Option<String>,
    pub proxy_jump: Option<String>,
    pub proxy_command: Option<String>,
    pub connect_timeout: Option<u64>,
    /// What was passed over, and where.
    pub notes: Vec<String>,
}

/// One file and what it says.
#[derive(Debug, Clone)]
pub struct ConfigText {
    pub file: PathBuf,
    pub text: String,
}

/// Who asks, for `Match` and for tokens.
#[derive(Debug, Clone)]
pub struct Asker<'a> {
    /// The name as given, before `HostName`.
    pub host: &'a str,
    /// A user given outside of the files.
    pub user: Option<&'a str>,
    pub local_user: &'a str,
}

/// Reads `texts` in order. `include` returns the files that one word of an `Include` line names, given the file
/// that has the line.
pub fn resolve(
    asker: &Asker<'_>,
    texts: &[ConfigText],
    include: &dyn Fn(&str, &ConfigText) -> Vec<ConfigText>,
) -> Result<Settings, String> {
    let mut reader = Reader {
        asker,
        include,
        settings: Settings::default(),
    };
    for text in texts {
        reader.read(text, true, 0)?;
    }
    Ok(reader.settings)
}

struct Reader<'a> {
    asker: &'a Asker<'a>,
    include: &'a dyn Fn(&str, &ConfigText) -> Vec<ConfigText>,
    settings: Settings,
}

impl Reader<'_> {
    fn read(&mut self, config: &ConfigText, active: bool, depth: usize) -> Result<(), String> {
        if depth > INCLUDE_DEPTH {
            return Err(format!(
                "{}: too many levels of Include",
                config.file.display()
            ));
        }
        let mut here = active;
        for (index, line) in config.text.lines().enumerate() {
            let at = |reason: &str| format!("{}:{}: {reason}", config.file.display(), index + 1);
            let words = split(line).map_err(|reason| at(&reason))?;
            let Some((keyword, values)) = words.split_first() else {
                continue;
            };
            let keyword = keyword.to_ascii_lowercase();
            let Some(value) = values.first() else {
                return Err(at(&format!("`{keyword}` has no value")));
            };
            match keyword.as_str() {
                "host" => {
                    here =
                        active && matches_list(values.iter().map(String::as_str), self.asker.host);
                }
                "match" => {
                    let matched = self.matches(values, &at)?;
                    here = active && matched;
                }
                "include" if here => {
                    for word in values {
                        for included in (self.include)(word, config) {
                            self.read(&included, true, depth + 1)?;
                        }
                    }
                }
                _ if here => self.set(&keyword, value, values).map_err(|r| at(&r))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn matches(&mut self, words: &[String], at: &dyn Fn(&str) -> String) -> Result<bool, String> {
        let mut words = words.iter();
        let mut matched = true;
        while let Some(word) = words.next() {
            let (criterion, negated) = match word.strip_prefix('!') {
                Some(rest) => (rest, true),
                None => (word.as_str(), false),
            };
            let host_name = self.settings.host_name.as_deref();
            let user = self.asker.user.or(self.settings.user.as_deref());
            let subject = match criterion.to_ascii_lowercase().as_str() {
                "all" => {
                    matched &= !negated;
                    continue;
                }
                "host" => host_name.unwrap_or(self.asker.host),
                "originalhost" => self.asker.host,
                "user" => user.unwrap_or(self.asker.local_user),
                "localuser" => self.asker.local_user,
                other => {
                    self.settings
                        .notes
                        .push(at(&format!("`Match {other}` is passed over")));
                    return Ok(false);
                }
            };
            let patterns = words
                .next()
                .ok_or_else(|| at(&format!("`Match {criterion}` has no value")))?;
            matched &= matches_list(patterns.split(','), subject) != negated;
        }
        Ok(matched)
    }

    fn set(&mut self, keyword: &str, value: &str, values: &[String]) -> Result<(), String> {
        let settings = &mut self.settings;
        let first = |slot: &mut Option<String>| {
            slot.get_or_insert_with(|| value.to_owned());
        };
        match keyword {
            "hostname" => first(&mut settings.host_name),
            "user" => first(&mut settings.user),
            "hostkeyalias" => first(&mut settings.host_key_alias),
            "identityagent" => first(&mut settings.identity_agent),
            // Whichever of the two comes first holds.
            "proxyjump" if settings.proxy_command.is_none() => first(&mut settings.proxy_jump),
            "proxycommand" if settings.proxy_jump.is_none() => {
                settings
                    .proxy_command
                    .get_or_insert_with(|| values.join(" "));
            }
            "port" => {
                let port = value.parse().ok().filter(|&port| port > 0);
                let port = port.ok_or_else(|| format!("`{value}` is not a port"))?;
                settings.port.get_or_insert(port);
            }
            "connecttimeout" if value != "none" => {
                let seconds = value
                    .parse()
                    .map_err(|_| format!("`{value}` is not a number of seconds"))?;
                settings.connect_timeout.get_or_insert(seconds);
            }
            "identityfile" => push_new(&mut settings.identity_files, value),
            "certificatefile" => push_new(&mut settings.certificate_files, value),
            "identitiesonly" => {
                let only = match value {
                    "yes" | "true" => true,
                    "no" | "false" => false,
                    other => return Err(format!("`{other}` is neither yes nor no")),
                };
                settings.identities_only.get_or_insert(only);
            }
            "userknownhostsfile" => {
                settings
                    .user_known_hosts
                    .get_or_insert_with(|| values.to_vec());
            }
            "globalknownhostsfile" => {
                settings
                    .global_known_hosts
                    .get_or_insert_with(|| values.to_vec());
            }
            _ => {}
        }
        Ok(())
    }
}

fn push_new(list: &mut Vec<String>, value: &str) {
    if !list.iter().any(|known| known == value) {
        list.push(value.to_owned());
    }
}

/// Words of a line: `keyword value…` or `keyword=value`, with quotes and a trailing comment.
fn split(line: &str) -> Result<Vec<String>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Vec::new());
    }
    let end = line
        .find(|c: char| c.is_ascii_whitespace() || c == '=')
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let mut words = vec![keyword.trim_matches('"').to_owned()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (_, Some(q)) if c == q => quote = None,
            ('\\', _) if matches!(chars.peek(), Some('"' | '\'' | '\\')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            ('\\', None) if chars.peek() == Some(&' ') => {
                word.get_or_insert_default().extend(chars.next());
            }
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            (c, None) if c.is_ascii_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// What `%` tokens and `~` stand for.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    pub home: &'a str,
    /// `%n`: as given.
    pub original_host: &'a str,
    /// `%h`: after `HostName`.
    pub host: &'a str,
    pub port: u16,
    pub remote_user: &'a str,
    pub local_user: &'a str,
    pub host_key_alias: Option<&'a str>,
}

impl Tokens<'_> {
    /// Expands `%` tokens; an unknown one is an error, as in OpenSSH.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some('d') => out.push_str(self.home),
                Some('h') => out.push_str(self.host),
                Some('n') => out.push_str(self.original_host),
                Some('k') => out.push_str(self.host_key_alias.unwrap_or(self.original_host)),
                Some('p') => out.push_str(&self.port.to_string()),
                Some('r') => out.push_str(self.remote_user),
                Some('u') => out.push_str(self.local_user),
                _ => return Err(format!("a token in `{text}` is not supported")),
            }
        }
        Ok(out)
    }

    /// A path: `~` is the home folder, then tokens.
    pub fn path(&self, text: &str) -> Result<PathBuf, String> {
        let expanded = self.expand(text)?;
        Ok(match expanded.strip_prefix("~/") {
            Some(rest) => PathBuf::from(self.home).join(rest),
            None if expanded == "~" => PathBuf::from(self.home),
            None => PathBuf::from(expanded),
        })
    }
}

/// The files in `names` that the last part of an `Include` pattern selects, in order, as `glob(3)` does.
pub fn select<'a>(pattern: &str, names: &'a [String]) -> Vec<&'a str> {
    let mut chosen: Vec<_> = names
        .iter()
        .map(String::as_str)
        .filter(|name| glob(pattern, name) && (!name.starts_with('.') || pattern.starts_with('.')))
        .collect();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::Command;

    use super::*;

    const CONFIG: &str = r#"
# comment
IdentityFile ~/.ssh/always
Host web web-*
    HostName %h.example.com
    User=deploy
    Port 2222
    IdentityFile "~/.ssh/with space"
Host *.internal !secret.internal
    ProxyJump jump@bastion:2200,second
    UserKnownHostsFile ~/.ssh/kh1 ~/.ssh/kh2
    IdentitiesOnly yes
Host we?
    Port 9
    HostKeyAlias alias-of-web
Match host *.example.com user deploy
    ConnectTimeout 7
Match originalhost db,cache !localuser nobody
    User dba # trailing
Match all
    ConnectTimeout 33
Host *
    User last
    IdentityFile %d/.ssh/id_%r_%u
"#;

    fn settings(text: &str, host: &str) -> Settings {
        let asker = Asker {
            host,
            user: None,
            local_user: "me",
        };
        let texts = [ConfigText {
            file: "config".into(),
            text: text.to_owned(),
        }];
        resolve(&asker, &texts, &|_, _| Vec::new()).expect("resolves")
    }

    #[test]
    fn the_first_value_holds_and_identities_add_up() {
        let web = settings(CONFIG, "web");
        assert_eq!(web.user.as_deref(), Some("deploy"));
        assert_eq!(web.port, Some(2222));
        assert_eq!(
            web.identity_files,
            ["~/.ssh/always", "~/.ssh/with space", "%d/.ssh/id_%r_%u"]
        );
        assert_eq!(settings(CONFIG, "secret.internal").proxy_jump, None);
        assert_eq!(settings(CONFIG, "db").user.as_deref(), Some("dba"));
        assert_eq!(
            settings("Port 1\nMatch exec true\nUser x\n", "a").user,
            None
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let asker = Asker {
            host: "a",
            user: None,
            local_user: "me",
        };
        for (text, wanted) in [
            ("Port x", "config:1: `x` is not a port"),
            ("\nUser \"a", "config:2: a quote is not closed"),
            ("User", "config:1: `user` has no value"),
        ] {
            let texts = [ConfigText {
                file: "config".into(),
                text: text.to_owned(),
            }];
            let error = resolve(&asker, &texts, &|_, _| Vec::new()).expect_err("a mistake");
            assert_eq!(error, wanted);
        }
        let again = |_: &str, from: &ConfigText| vec![from.clone()];
        let texts = [ConfigText {
            file: "config".into(),
            text: "Include x".to_owned(),
        }];
        assert!(
            resolve(&asker, &texts, &again)
                .expect_err("a loop")
                .contains("levels")
        );
    }

    /// OpenSSH itself is the oracle.
    #[test]
    fn agrees_with_ssh_g() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config");
        std::fs::write(&file, CONFIG).expect("write");
        for host in [
            "web",
            "web-1",
            "wex",
            "a.internal",
            "secret.internal",
            "db",
            "cache",
            "x",
        ] {
            let run = Command::new("ssh")
                .arg("-G")
                .arg("-F")
                .arg(&file)
                .arg(host)
                .output();
            let Ok(run) = run else {
                // No ssh here; the other tests hold.
                return;
            };
            let printed = String::from_utf8_lossy(&run.stdout).into_owned();
            let mut theirs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for line in printed.lines() {
                let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
                theirs.entry(keyword).or_default().push(value);
            }
            let first = |keyword: &str| theirs.get(keyword).map(|values| values[0].to_owned());
            let ours = settings(CONFIG, host);
            let tokens = Tokens {
                home: "/h",
                original_host: host,
                host,
                port: 22,
                remote_user: "r",
                local_user: "me",
                host_key_alias: None,
            };
            let host_name = ours
                .host_name
                .as_ref()
                .map(|name| tokens.expand(name).expect("expands"));
            assert_eq!(
                Some(host_name.unwrap_or(host.to_owned())),
                first("hostname"),
                "{host}"
            );
            assert_eq!(ours.user, first("user"), "{host}");
            assert_eq!(
                Some(ours.port.unwrap_or(22).to_string()),
                first("port"),
                "{host}"
            );
            assert_eq!(ours.proxy_jump, first("proxyjump"), "{host}");
            assert_eq!(ours.host_key_alias, first("hostkeyalias"), "{host}");
            assert_eq!(
                ours.connect_timeout.map(|s| s.to_string()),
                first("connecttimeout"),
                "{host}"
            );
            assert_eq!(ours.identity_files, theirs["identityfile"], "{host}");
            let only = ours.identities_only.unwrap_or(false);
            assert_eq!(
                Some(if only { "yes" } else { "no" }.to_owned()),
                first("identitiesonly"),
                "{host}"
            );
            if let Some(files) = &ours.user_known_hosts {
                // Here ssh has expanded the home folder.
                let theirs = first("userknownhostsfile").unwrap_or_default();
                for (ours, theirs) in files.iter().zip(theirs.split(' ')) {
                    assert!(
                        theirs.ends_with(ours.trim_start_matches('~')),
                        "{host}: {theirs}"
                    );
                }
            }
        }
    }

    #[test]
    fn tokens_and_home() {
        let tokens = Tokens {
            home: "/home/me",
            original_host: "web",
            host: "web.example.com",
            port: 2222,
            remote_user: "deploy",
            local_user: "me",
            host_key_alias: None,
        };
        let path = |text| tokens.path(text).map(|path| path.display().to_string());
        assert_eq!(
            path("~/.ssh/%r@%h:%p").as_deref(),
            Ok("/home/me/.ssh/deploy@web.example.com:2222")
        );
        assert_eq!(path("%d/%u/%n/%%").as_deref(), Ok("/home/me/me/web/%"));
        assert!(path("%q").is_err());
    }
}
