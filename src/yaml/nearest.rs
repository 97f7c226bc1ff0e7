//! What was meant, where a word is not known.

/// The candidate that a typing error would turn into `text`.
pub(crate) fn nearest<'c>(
    text: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    if text.len() > 64 {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let far = |candidate: &str| distance(&text, &candidate.to_ascii_lowercase());
    let nearest = candidates.map(|c| (far(c), c)).min();
    nearest
        .filter(|(far, c)| *far <= (c.len().max(text.len()) / 3).max(1))
        .map(|(_, c)| c)
}

/// Edits from `a` to `b`: insert, delete, replace a character or swap two neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swapped = if swap {
                    rows[i - 2][j - 2] + 1
                } else {
                    usize::MAX
                };
                (rows[i - 1][j] + 1)
                    .min(rows[i][j - 1] + 1)
                    .min(replaced)
                    .min(swapped)
            };
        }
    }
    rows[a.len()][b.len()]
}
