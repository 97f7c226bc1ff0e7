//! What nftables has of ours on a host, beside what our files say.

use std::collections::BTreeSet;

/// The table `inet stackctl` and the files it is loaded from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirewallFacts {
    /// SHA-256 of the files as they stand.
    pub files: String,
    /// What `load.sh` noted down when it loaded them: their digest, and the table as it then was; `None` since boot or
    /// since it was taken away.
    pub record: Option<String>,
    /// The table as it is listed now; `None` when there is none.
    pub live: Option<String>,
}

impl FirewallFacts {
    /// Reads what `facts.sh` tells: the digest, what `load.sh` wrote down, and the listing.
    pub(super) fn new(files: &str, record: &str, live: &str) -> Self {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            files: files.to_owned(),
            record: some(record),
            live: some(live),
        }
    }

    fn recorded(&self) -> Option<(&str, &str)> {
        let (digest, table) = self.record.as_deref()?.split_once('\n')?;
        Some((digest.split(' ').next()?, table))
    }

    /// Whether what was loaded are the files as they stand.
    pub fn is_of_these_files(&self) -> bool {
        self.recorded()
            .is_some_and(|(digest, _)| digest == self.files)
    }

    /// The table as it was loaded and as it is, when somebody has changed it since.
    pub fn changed_by_hand(&self) -> Option<(&str, &str)> {
        let (_, loaded) = self.recorded()?;
        let live = self.live.as_deref()?;
        (live != loaded).then_some((loaded, live))
    }

    /// The files as they stand are what the kernel goes by.
    pub fn is_in_force(&self) -> bool {
        self.live.is_some() && self.is_of_these_files() && self.changed_by_hand().is_none()
    }

    /// The TCP ports that are open now.
    pub fn open_ports(&self) -> BTreeSet<u16> {
        let live = self.live.as_deref().unwrap_or_default();
        let elements = live.split_once("elements = {").map_or("", |(_, rest)| rest);
        let elements = elements.split('}').next().unwrap_or_default();
        elements
            .split(',')
            .filter_map(|port| port.trim().parse().ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = "table inet stackctl {\n\tset open {\n\t\ttype inet_service\n\t\telements = { 22, 80,\n\t\t\t     8080 }\n\t}\n}\n";

    #[test]
    fn it_is_in_force_when_files_record_and_kernel_agree() {
        let record = format!("abc  -\n{LIVE}");
        let facts = FirewallFacts::new("abc", &record, LIVE);
        assert!(facts.is_in_force());
        assert_eq!(facts.open_ports(), BTreeSet::from([22, 80, 8080]));
        assert!(!FirewallFacts::new("abd", &record, LIVE).is_in_force());
        assert!(!FirewallFacts::new("abc", &record, "").is_in_force());
        assert!(!FirewallFacts::new("abc", &record, &LIVE.replace("80,", "")).is_in_force());
        assert!(!FirewallFacts::new("abc", "", LIVE).is_in_force());
        assert!(FirewallFacts::new("abc", "", "").open_ports().is_empty());
    }
}
