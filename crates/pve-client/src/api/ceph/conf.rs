//! `/etc/pve/ceph.conf`, as `GET ceph/cfg/raw` gives it: sections with keys and values.
//!
//! PVE rewrites the file as a whole with each monitor and metadata server: without comments, keys with underscores. Before that
//! it is as somebody has written it.

use std::collections::BTreeMap;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfFile {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

/// Blanks and hyphens in the name of an option mean underscores.
pub fn option_name(written: &str) -> String {
    written.split_whitespace().collect::<Vec<_>>().join("_").replace('-', "_")
}

impl ConfFile {
    /// Reads it. What is no setting is passed over, as Ceph does.
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let mut section = String::new();
        for line in text.lines().map(without_comment) {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.trim().to_owned();
                file.sections.entry(section.clone()).or_default();
            } else if let Some((key, value)) = line.split_once('=') {
                let keys = file.sections.entry(section.clone()).or_default();
                keys.insert(option_name(key), unescaped(value.trim()));
            }
        }
        file
    }

    /// A value of a section.
    pub fn get(&self, section: &str, option: &str) -> Option<&str> {
        self.sections.get(section)?.get(option).map(String::as_str)
    }

    /// The sections that have a value for an option, with the value.
    pub fn having(&self, option: &str) -> impl Iterator<Item = (&str, &str)> {
        self.sections.iter().filter_map(move |(name, keys)| Some((name.as_str(), keys.get(option)?.as_str())))
    }
}

/// What stands before a `;` or `#` that is not escaped.
fn without_comment(line: &str) -> &str {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            '\\' => escaped = !escaped,
            '#' | ';' if !escaped => return &line[..at],
            _ => escaped = false,
        }
    }
    line
}

fn unescaped(value: &str) -> String {
    value.replace("\\;", ";").replace("\\#", "#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pve_writes_and_what_somebody_else_wrote_is_read() {
        let text = "[global]\n\tcluster_network = 10.0.0.0/24\n\tfsid = 31ee7582\n\n# mine\n[osd]\nosd max-backfills=3 ; slow\n\
            [global]\n\tpublic network = 10.0.0.0/24, 10.1.0.0/24\n[client]\nkey = a\\;b\n";
        let file = ConfFile::parse(text);
        assert_eq!(file.get("global", "public_network"), Some("10.0.0.0/24, 10.1.0.0/24"));
        assert_eq!(file.get("global", "fsid"), Some("31ee7582"));
        assert_eq!(file.having("osd_max_backfills").collect::<Vec<_>>(), [("osd", "3")]);
        assert_eq!(file.get("client", "key"), Some("a;b"));
        assert_eq!(ConfFile::parse("").get("global", "fsid"), None);
    }
}
