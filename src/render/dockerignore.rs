//! `.dockerignore` as Docker reads it, which is not as git reads `.gitignore`: patterns are anchored at the context's root,
//! the last one that matches decides, and `!` brings back a file whose folder is ignored.
//!
//! Follows moby's `patternmatcher` (`New`, `MatchesUsingParentResults`, `Pattern.compile`) and `ignorefile.ReadAll`, quirks
//! included: `**x` matches by suffix alone, `x**` by prefix alone, and `[^a]` also matches `/`. One thing differs: a wildcard
//! inside a class stands for itself.

/// The patterns of one `.dockerignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerIgnore {
    patterns: Vec<Pattern>,
}

/// A line that Docker would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(".dockerignore, line {line}: `{pattern}` is not a pattern")]
pub struct DockerIgnoreError {
    pub line: usize,
    pub pattern: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// Begins with `!`: brings back what it matches.
    is_exclusion: bool,
    text: String,
    form: Form,
}

// The four ways in which moby compares.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Exact,
    Prefix(String),
    Suffix(String),
    Tokens(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `**/`: any number of folders, also none.
    Folders,
    /// `**` at the end.
    Rest,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// The patterns for a context that has no `.dockerignore`: version control, secrets, what is made anew in the image.
pub fn dockerignore_default() -> &'static str {
    include_str!("../../templates/docker/dockerignore")
}

impl DockerIgnore {
    pub fn parse(text: &str) -> Result<Self, DockerIgnoreError> {
        let mut patterns = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (at, line) in text.lines().enumerate() {
            // Only in the first column: ` # x` is a pattern.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let error = || DockerIgnoreError {
                line: at + 1,
                pattern: line.to_owned(),
            };
            let line = line.trim();
            let (is_exclusion, rest) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if rest.is_empty() {
                return Err(error());
            }
            let cleaned = clean(rest);
            let cleaned = match cleaned.strip_prefix('/') {
                Some(relative) if !relative.is_empty() => relative,
                _ => cleaned.as_str(),
            };
            patterns.push(Pattern {
                is_exclusion,
                text: cleaned.to_owned(),
                form: compile(cleaned).ok_or_else(error)?,
            });
        }
        Ok(Self { patterns })
    }

    /// Whether `path` (relative to the context, `/` between its parts) is left out of what is sent. The Dockerfile and
    /// `.dockerignore` themselves are sent even when a pattern names them: the caller sends those two without asking.
    pub fn is_ignored(&self, path: &str) -> bool {
        let path = clean(path);
        if path == "." {
            return false;
        }
        let mut matched: Vec<bool> = Vec::new();
        let mut ignored = false;
        for end in path
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([path.len()])
        {
            if end > 0 {
                ignored = self.step(&path[..end], &mut matched);
            }
        }
        ignored
    }

    // A pattern that matched a folder matches all below it; what each pattern said of the folder comes in and goes out in
    // `matched`.
    fn step(&self, path: &str, matched: &mut Vec<bool>) -> bool {
        let parent = std::mem::replace(matched, vec![false; self.patterns.len()]);
        let mut ignored = false;
        for (at, pattern) in self.patterns.iter().enumerate() {
            let mut matches = parent.get(at).copied().unwrap_or_default();
            if !matches {
                if pattern.is_exclusion != ignored {
                    continue;
                }
                matches = pattern.matches(path);
            }
            matched[at] = matches;
            if matches {
                ignored = !pattern.is_exclusion;
            }
        }
        ignored
    }

    /// Whether anything below the folder `dir` may have to be sent, so that a walker can leave out the rest. `true` for a
    /// folder that is not ignored, and for an ignored one that a `!` pattern may reach into. (Docker's old builder looked
    /// only at patterns without wildcards here, and so lost `!**/keep`; BuildKit finds it, and so do we.)
    pub fn may_contain_included(&self, dir: &str) -> bool {
        let dir = clean(dir);
        if !self.is_ignored(&dir) {
            return true;
        }
        self.patterns
            .iter()
            .filter(|pattern| pattern.is_exclusion)
            .any(|pattern| pattern.may_match_below(&dir))
    }
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        match &self.form {
            Form::Exact => path == self.text,
            Form::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Form::Suffix(suffix) => {
                path.ends_with(suffix.as_str()) || suffix.strip_prefix('/') == Some(path)
            }
            Form::Tokens(tokens) => {
                let path: Vec<char> = path.chars().collect();
                tokens_match(tokens, &path)
            }
        }
    }

    // Compares part by part as far as the pattern is literal; from the first wildcard on, everything may match.
    fn may_match_below(&self, dir: &str) -> bool {
        let mut parts = self.text.split('/');
        for folder in dir.split('/') {
            match parts.next() {
                // The pattern names a folder above: it brings back all below.
                None => return true,
                Some(part) if part.contains(['*', '?', '[', '\\']) => return true,
                Some(part) if part != folder => return false,
                Some(_) => {}
            }
        }
        true
    }
}

/// Go's `filepath.Clean`, for `/`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, joined) => format!("/{joined}"),
        (false, joined) if joined.is_empty() => ".".to_owned(),
        (false, joined) => joined,
    }
}

fn compile(pattern: &str) -> Option<Form> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut tokens = Vec::new();
    let mut form = Some(Form::Exact);
    let mut at = 0;
    let mut first = true;
    while at < chars.len() {
        match chars[at] {
            '*' if chars.get(at + 1) == Some(&'*') => {
                at += 2;
                if chars.get(at) == Some(&'/') {
                    at += 1;
                }
                if at == chars.len() {
                    tokens.push(Token::Rest);
                    form = match form {
                        Some(Form::Exact) => {
                            Some(Form::Prefix(pattern[..pattern.len() - 2].to_owned()))
                        }
                        _ => None,
                    };
                } else {
                    tokens.push(Token::Folders);
                    form = None;
                }
                if first {
                    form = Some(Form::Suffix(pattern[2..].to_owned()));
                }
            }
            '*' => {
                at += 1;
                tokens.push(Token::Many);
                form = None;
            }
            '?' => {
                at += 1;
                tokens.push(Token::One);
                form = None;
            }
            '[' => {
                let (class, next) = class(&chars, at + 1)?;
                tokens.push(class);
                at = next;
                form = None;
            }
            '\\' => {
                tokens.push(Token::Char(*chars.get(at + 1)?));
                at += 2;
                form = None;
            }
            ']' => {
                tokens.push(Token::Char(']'));
                at += 1;
                form = None;
            }
            c => {
                tokens.push(Token::Char(c));
                at += 1;
            }
        }
        first = false;
    }
    Some(form.unwrap_or(Form::Tokens(tokens)))
}

// The grammar of Go's `filepath.Match`: `[` `^`? one or more of `c` and `lo-hi` `]`, where `\` takes the next one as it is.
fn class(chars: &[char], mut at: usize) -> Option<(Token, usize)> {
    let negated = chars.get(at) == Some(&'^');
    if negated {
        at += 1;
    }
    let mut ranges = Vec::new();
    loop {
        if chars.get(at) == Some(&']') && !ranges.is_empty() {
            return Some((Token::Class { negated, ranges }, at + 1));
        }
        let low = class_char(chars, &mut at)?;
        let mut high = low;
        if chars.get(at) == Some(&'-') {
            at += 1;
            high = class_char(chars, &mut at)?;
        }
        ranges.push((low, high));
    }
}

fn class_char(chars: &[char], at: &mut usize) -> Option<char> {
    let mut c = *chars.get(*at)?;
    if c == '-' || c == ']' {
        return None;
    }
    if c == '\\' {
        *at += 1;
        c = *chars.get(*at)?;
    }
    *at += 1;
    Some(c)
}

// A table instead of backtracking, so that no pattern takes exponential time: `reach[p]` says whether the tokens so far can
// end at `p`.
fn tokens_match(tokens: &[Token], path: &[char]) -> bool {
    let mut reach = vec![false; path.len() + 1];
    reach[0] = true;
    for token in tokens {
        let mut next = vec![false; path.len() + 1];
        for at in (0..=path.len()).filter(|at| reach[*at]) {
            match token {
                Token::Rest => next[at..].fill(true),
                Token::Many => {
                    let name = path[at..].iter().take_while(|c| **c != '/').count();
                    next[at..=at + name].fill(true);
                }
                Token::Folders => {
                    next[at] = true;
                    for end in (at..path.len()).filter(|end| path[*end] == '/') {
                        next[end + 1] = true;
                    }
                }
                one => next[(at + 1).min(path.len())] |= path.get(at).is_some_and(|c| one.is(*c)),
            }
        }
        reach = next;
    }
    reach[path.len()]
}

impl Token {
    fn is(&self, c: char) -> bool {
        match self {
            Token::Char(own) => *own == c,
            Token::One => c != '/',
            Token::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
            Token::Many | Token::Folders | Token::Rest => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(patterns: &str, path: &str) -> bool {
        DockerIgnore::parse(patterns).unwrap().is_ignored(path)
    }

    #[test]
    fn what_moby_matches_and_what_not() {
        // (pattern, paths it takes, paths it leaves)
        let table: &[(&str, &[&str], &[&str])] = &[
            ("**", &["f", "f/", "d/f", "d/e/f/"], &[]),
            ("**/", &["f", "d/f"], &[]),
            ("**/**", &["d/f"], &[]),
            ("d/**", &["d/f", "d/e/f/"], &["d", "dd/f"]),
            ("**/d", &["d", "d/f", "x/d"], &["xd/f"]),
            ("**/d/*", &["x/d/f", "x/d/e/f"], &["x/d"]),
            ("**/d/**", &["x/d/e/f"], &["x/d"]),
            (
                "**file",
                &["file", "d/file", "d/e/file", "xfile"],
                &["filex"],
            ),
            ("**/file", &["d/e/file", "file"], &["d/xfile"]),
            ("**/f*.txt", &["d/e/file.txt", "f.txt"], &["d/e.txt"]),
            ("**/**/*.txt", &["a.txt", "d/e/a.txt"], &["d/a.txt2"]),
            ("a**/*.txt", &["a/f.txt", "a/d/e/f.txt"], &["b/f.txt"]),
            ("a/*.txt", &["a/f.txt"], &["a/d/f.txt", "f.txt"]),
            ("a/*.txt**", &["a/f.txt", "a/f.txt/b"], &["a/f"]),
            ("a[b-d]e", &["ace"], &["ae", "aae"]),
            ("a[^b-d]e", &["aze"], &["ace"]),
            (".*", &[".foo"], &["foo"]),
            ("a.b", &["a.b", "a.b/c"], &["aXb", "x/a.b"]),
            ("a?b", &["aXb", "a☺b"], &["ab", "a/b"]),
            ("*c", &["abc", "c/d"], &["x/c"]),
            ("a*/b", &["abc/b"], &["a/c/b"]),
            (
                "a*b*c*d*e*/f",
                &["axbxcxdxexxx/f"],
                &["axbxcxdxe/x/f", "axbxcxdxexxx/fff"],
            ),
            ("**/.foo", &[".foo", "a/.foo"], &["bar.foo"]),
            ("a(b)c/d", &["a(b)c/d"], &["a(b)c/x"]),
            ("a.|)$(}+{bc", &["a.|)$(}+{bc"], &[]),
            ("[a-ζ]*", &["α"], &["A"]),
            (r"a\*b", &["a*b"], &["ab", "axb"]),
            (r"a\\", &[r"a\"], &["a"]),
            (r"[\]a]", &["]", "a"], &["b"]),
            (r"[x\-]", &["x", "-"], &["z"]),
            ("/a/b", &["a/b", "a/b/c"], &["b"]),
            ("a//b/../c/", &["a/c", "a/c/d"], &["a/b"]),
            ("  a  ", &["a"], &["b"]),
            (" # a", &["# a"], &["a"]),
            ("# a", &[], &["# a", "a"]),
        ];
        for (pattern, taken, left) in table {
            for path in *taken {
                assert!(ignored(pattern, path), "{pattern} takes {path}");
            }
            for path in *left {
                assert!(!ignored(pattern, path), "{pattern} leaves {path}");
            }
        }
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        for (patterns, path, expected) in [
            ("*\n!a", "a", false),
            ("!a\n*", "a", true),
            ("docs\n!docs/README.md", "docs/README.md", false),
            ("docs\n!docs/README.md", "docs/x", true),
            ("docs/\n  ! docs/README.md ", "docs/README.md", false),
            (
                "docs/*\n!docs/README.md\ndocs/README.md",
                "docs/README.md",
                true,
            ),
            ("**\n!util/web", "util/web/foo", false),
            ("**\n!util/web\nutil/web/foo", "util/web/foo", true),
            ("**\n!dist/*.whl", "dist/a-2.4.0+g08.whl", false),
            ("*\n!/a/b", "a/b/c", false),
            ("\u{feff}a\n\n", "a", true),
            ("*", ".", false),
            ("", "a", false),
        ] {
            assert_eq!(ignored(patterns, path), expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn what_docker_refuses_has_its_line() {
        for bad in [
            "!", "! ", "[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "\\",
        ] {
            let error = DockerIgnore::parse(&format!("ok\n{bad}")).unwrap_err();
            assert_eq!(error.line, 2, "{bad}");
        }
    }

    #[test]
    fn a_walker_looks_into_what_may_come_back() {
        let patterns = DockerIgnore::parse("a\nb\nnode_modules\n!a/b/keep\n!b/**/keep").unwrap();
        for dir in ["a", "a/b", "a/b/keep", "b", "b/c", "src", "."] {
            assert!(patterns.may_contain_included(dir), "{dir}");
        }
        for dir in ["a/c", "node_modules", "node_modules/x"] {
            assert!(!patterns.may_contain_included(dir), "{dir}");
        }
    }

    #[test]
    fn the_default_keeps_secrets_at_home() {
        for path in [
            ".env",
            "app/.env.local",
            ".git/config",
            "a/id_rsa.pub",
            "tls/x.key",
            "x/__pycache__/a.pyc",
        ] {
            assert!(ignored(dockerignore_default(), path), "{path}");
        }
        for path in [
            "main.py",
            ".env.example",
            "environment.py",
            "keys.py",
            "a/.github",
        ] {
            assert!(!ignored(dockerignore_default(), path), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn pruning_never_loses_a_file(
            patterns in proptest::collection::vec("!?[ab*?/]{1,6}", 1..5),
            path in "[ab]{1,2}(/[ab]{1,2}){1,3}",
        ) {
            if let Ok(ignore) = DockerIgnore::parse(&patterns.join("\n"))
                && !ignore.is_ignored(&path)
            {
                for (at, _) in path.match_indices('/') {
                    proptest::prop_assert!(ignore.may_contain_included(&path[..at]));
                }
            }
        }
    }
}
