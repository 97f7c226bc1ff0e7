//! How a new release spreads over the hosts of a stack.

/// First a few hosts, then the others in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout {
    /// How many hosts switch first; 0 for none before the others.
    pub canary: u16,
    /// How many switch at once after that; 0 for all.
    pub batch: u16,
    /// Seconds that a group is watched, at least, before the next one switches.
    pub pause: u32,
}

impl Rollout {
    /// The hosts in the groups in which they switch.
    pub fn groups<T: Clone>(&self, hosts: &[T]) -> Vec<Vec<T>> {
        let (first, rest) = hosts.split_at(usize::from(self.canary).min(hosts.len()));
        let size = match self.batch {
            0 => rest.len().max(1),
            batch => usize::from(batch),
        };
        let groups = std::iter::once(first).chain(rest.chunks(size));
        groups
            .filter(|group| !group.is_empty())
            .map(<[T]>::to_vec)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_in_groups() {
        let groups = |canary, batch, hosts: usize| -> Vec<usize> {
            let rollout = Rollout {
                canary,
                batch,
                pause: 0,
            };
            let hosts: Vec<usize> = (0..hosts).collect();
            let groups = rollout.groups(&hosts);
            assert_eq!(groups.concat(), hosts);
            groups.iter().map(Vec::len).collect()
        };
        assert_eq!(groups(1, 2, 6), [1, 2, 2, 1]);
        assert_eq!(groups(1, 0, 6), [1, 5]);
        assert_eq!(groups(0, 4, 6), [4, 2]);
        assert_eq!(groups(0, 0, 6), [6]);
        assert_eq!(groups(3, 1, 2), [2]);
        assert_eq!(groups(1, 1, 0), [] as [usize; 0]);
    }
}
