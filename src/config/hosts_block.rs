//! Replaces `hosts:` in the text itself, so that comments and layout stay.

use super::error::Problems;
use super::tree;

/// `text` with its top-level `hosts:` block replaced by `hosts_block` (which begins with `hosts:`); every other byte stays.
/// Nothing when there is no such block of its own lines, or when an alias elsewhere leans on it.
pub fn replace_hosts(text: &str, hosts_block: &str) -> Option<String> {
    let mut problems = Problems::default();
    let skipped = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let tree = tree::build(0, &text[skipped..], super::WHEN_EMPTY, &mut problems)?;
    let entry = tree.entries().iter().find(|entry| entry.key == "hosts")?;
    let start = skipped + entry.span.start;
    let last = skipped + entry.value.end.max(entry.span.end);
    if start > skipped && !text[..start].ends_with('\n') {
        return None;
    }
    let end = text[last..]
        .find('\n')
        .map_or(text.len(), |at| last + at + 1);
    let mut block = hosts_block.trim_end().to_owned();
    if text[..end].ends_with("\r\n") {
        block.push('\r');
    }
    block.push('\n');
    let replaced = format!("{}{block}{}", &text[..start], &text[end..]);

    let mut after = Problems::default();
    let new = tree::build(0, &replaced[skipped..], super::WHEN_EMPTY, &mut after)?;
    let others = |tree: &tree::Node| -> Vec<String> {
        let keys = tree.entries().iter().map(|entry| entry.key.clone());
        keys.filter(|key| key != "hosts").collect()
    };
    let same = after.is_empty() && others(&tree) == others(&new);
    same.then_some(replaced)
}
