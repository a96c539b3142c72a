//! `pve_ceph_config`: an option in Ceph's configuration database.

use pve_client::Error as PveError;
use pve_client::api::ceph::ConfigEntry;
use pve_client::api::ceph::conf::{ConfFile, option_name};
use pve_client::shell::commands::CephCommands;
use terraform_plugin::{Change, Cx, Error, Findings, Listed, Model, Need, Say, Timeouts};

use super::{cluster, shell_node};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::rights;
use crate::section::{Family, OwnRight, Section, lives, said_again};

/// An option in the configuration database of Ceph's monitors (`ceph config set`), which all daemons take it from.
///
/// PVE has no call for this, so Ceph's own command is run through PVE's terminal on a node with a monitor, which takes the
/// login of `root@pam`; planning and refreshing do not. Destroying it takes the option out of the database: what holds by default
/// holds again. What is set already is not taken over; the error prints the `import` block.
///
/// What `/etc/pve/ceph.conf` says beats the database, and PVE writes some options there, such as `osd_pool_default_size`: an
/// option that the file has for the same daemons is refused, since it would have no effect.
///
/// The import id is `WHO/OPTION`; what stands behind the last `/` is the option: `osd/class:ssd/osd_max_backfills`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_config", area = "Ceph", key(who, option), rest = who)]
pub struct CephConfig {
    /// Whom it is for: `global`, a kind of daemon (`mon`, `mgr`, `osd`, `mds`, `client`), or one of them (`osd.3`); with a mask
    /// behind a `/` only those with a device class or in a place of the CRUSH hierarchy: `osd/class:ssd`, `osd/host:pve1`.
    #[attr(
        required,
        replace,
        length = ..=200,
        regex = r"^(global|(mon|mgr|osd|mds|client)(\.[A-Za-z0-9._-]+)?)(/[a-z]+:[A-Za-z0-9._-]+)?$",
        says = "such as `global`, `osd`, `osd.3` or `osd/class:ssd`"
    )]
    pub who: String,
    /// The option by its name, with underscores: `osd_max_backfills`.
    #[attr(required, replace, length = ..=200, regex = "^[a-z][a-z0-9_]*$", says = "the name of an option, with underscores")]
    pub option: String,
    /// Its value, as text. What means the same for Ceph is no change: `true` and `1`, `4G` and `4294967296`, `0.5` and `0.500000`.
    #[attr(required, length = 1..=4096, check = one_value, same = means_the_same)]
    pub value: String,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

fn one_value(text: &String) -> Result<(), String> {
    if text.starts_with('-') && text.parse::<f64>().is_err() {
        return Err(
            "must not begin with `-` unless it is a number: Ceph's command would take it for an option of its own"
                .to_owned(),
        );
    }
    if text.trim() != text || text.contains(|c: char| c.is_control()) {
        return Err("must be one line without blanks at its ends".to_owned());
    }
    Ok(())
}

/// The units that Ceph knows, and how often a thousand is in them.
const UNITS: [(&str, i32); 11] =
    [("K", 1), ("k", 1), ("Ki", 1), ("M", 2), ("Mi", 2), ("G", 3), ("Gi", 3), ("T", 4), ("Ti", 4), ("P", 5), ("Pi", 5)];

/// What a text can mean as a number: counts have decimal units, sizes binary ones, and which an option has is not told.
fn numbers(text: &str) -> Vec<f64> {
    let plain = match text {
        "true" => Some(1.0),
        "false" => Some(0.0),
        text => text.parse::<f64>().ok(),
    };
    if let Some(plain) = plain.filter(|number| number.is_finite()) {
        return vec![plain];
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = UNITS.iter().find(|(unit, _)| *unit == &text[digits.len()..]);
    match (digits.parse::<f64>(), unit) {
        (Ok(number), Some((_, power))) => [1000.0_f64, 1024.0].map(|base| number * base.powi(*power)).to_vec(),
        _ => Vec::new(),
    }
}

fn means_the_same(a: &String, b: &String) -> bool {
    let (one, other) = (numbers(a), numbers(b));
    a == b || one.iter().any(|number| other.contains(number))
}

/// `osd` and the mask of `osd/class:ssd`.
fn parts(who: &str) -> (&str, &str) {
    who.split_once('/').unwrap_or((who, ""))
}

/// Sections of the file that hold for all of whom an entry is for.
fn sections(who: &str) -> Vec<&str> {
    let (section, _) = parts(who);
    let kind = section.split('.').next().unwrap_or(section);
    let mut all = vec!["global", kind, section];
    all.dedup();
    all
}

/// What the file says of an option for the same daemons, with the section.
fn shadowed<'f>(file: &'f ConfFile, who: &str, option: &str) -> Option<(&'f str, &'f str)> {
    let sections = sections(who);
    file.having(option).find(|(section, _)| sections.contains(section))
}

fn is(entry: &ConfigEntry, who: &str, option: &str) -> bool {
    let (section, mask) = parts(who);
    entry.section == section && entry.mask == mask && option_name(&entry.name) == option
}

impl CephConfig {
    fn of(entry: &ConfigEntry) -> Self {
        let who =
            if entry.mask.is_empty() { entry.section.clone() } else { format!("{}/{}", entry.section, entry.mask) };
        Self { who, option: option_name(&entry.name), value: entry.value.clone(), ..Self::default() }
    }
}

/// All that is set.
async fn all(cx: &Cx<Pve>) -> Result<std::sync::Arc<Vec<ConfigEntry>>, Problem> {
    cx.client.ceph().config().await.during("Cannot read Ceph's configuration database")
}

impl Section for CephConfig {
    const FAMILY: Family = Family { what: "Option", ..Family::PLAIN };

    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    fn write(_key: &CephConfigKey) -> Vec<OwnRight> {
        Vec::new()
    }

    fn sight(_key: &CephConfigKey) -> Option<OwnRight> {
        None
    }

    async fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if !change.is_no_op() {
            rights::warn_shell(cx, say, "option", "Options of Ceph");
        }
    }

    /// Where Ceph's configuration is gone, so is its database.
    async fn find(cx: &Cx<Pve>, key: &CephConfigKey) -> Result<Option<Self>, Problem> {
        match all(cx).await {
            Ok(all) => Ok(all.iter().find(|entry| is(entry, &key.who, &key.option)).map(Self::of)),
            Err(problem) if matches!(problem.pve(), Some(PveError::NotInitialised(_))) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        let doing = format!("Cannot set option \"{}/{}\"", want.who, want.option);
        let shell = cx.client.shell(shell_node(cx, &doing).await?);
        CephCommands::new(&cx.client, &shell).set_option(&want.who, &want.option, &want.value).await.during(doing)?;
        Ok(want.clone())
    }

    async fn change(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Self, Problem> {
        said_again(cx, want).await
    }

    async fn end(cx: &Cx<Pve>, was: &Self) -> Result<(), Problem> {
        let doing = format!("Cannot unset option \"{}/{}\"", was.who, was.option);
        let shell = cx.client.shell(shell_node(cx, &doing).await?);
        CephCommands::new(&cx.client, &shell).unset_option(&was.who, &was.option).await.during(doing)
    }

    fn agrees(want: &Self, live: &Self) -> bool {
        means_the_same(&want.value, &live.value)
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &CephConfigPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let (Some(who), Some(option)) = (want.who.text(), want.option.text()) else { return Ok(()) };
        let file = match cx.client.ceph().conf().await.during("Cannot read Ceph's configuration") {
            Ok(file) => file,
            Err(problem) if problem.pve().is_some_and(cluster::is_missing) => {
                found.missing(cx.comes("ceph_cluster", cluster::ID), problem);
                return Ok(());
            }
            Err(problem) => return Err(problem.into()),
        };
        if let Some((section, value)) = shadowed(&file, who, option) {
            let problem = Problem::new(
                format!("Ceph's configuration file says what \"{option}\" is"),
                format!(
                    "`/etc/pve/ceph.conf` has `{option} = {value}` in its section [{section}], which beats the database: what is set \
                     here would have no effect. Nothing was written. Take that line out of the file (on a node, while no monitor is \
                     being made), or leave this out."
                ),
            );
            found.certain(problem.at("option"));
        } else if let Some((section, value)) = file.having(option).next().filter(|_| parts(who) == ("global", "")) {
            found.notice(Problem::new(
                "An option holds for fewer daemons than it says",
                format!("`/etc/pve/ceph.conf` has `{option} = {value}` in its section [{section}], which beats the database there."),
            ));
        }
        Ok(())
    }
}

lives!(CephConfig, plain = false);

impl Listed<Pve> for CephConfig {
    const PLURAL: &'static str = "ceph_configs";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        Ok(all(cx).await?.iter().map(Self::of).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        means_the_same(&a.to_owned(), &b.to_owned())
    }

    #[test]
    fn values_that_mean_the_same_are_the_same() {
        for (a, b) in
            [("true", "1"), ("0.5", "0.500000"), ("4G", "4294967296"), ("2K", "2000"), ("rack", "rack"), ("4Gi", "4G")]
        {
            assert!(same(a, b) && same(b, a), "{a} {b}");
        }
        for (a, b) in [("true", "false"), ("4G", "4"), ("rack", "host"), ("nan", "NaN"), ("1", "2")] {
            assert!(!same(a, b) && !same(b, a), "{a} {b}");
        }
    }

    #[test]
    fn the_file_beats_the_database_for_the_same_daemons() {
        let file = ConfFile::parse(
            "[global]\nosd pool default size = 3\n[osd]\nosd_max_backfills = 2\n[osd.1]\nosd_max_scrubs = 1\n",
        );
        assert_eq!(shadowed(&file, "mon", "osd_pool_default_size"), Some(("global", "3")));
        assert_eq!(shadowed(&file, "osd.1", "osd_max_backfills"), Some(("osd", "2")));
        assert_eq!(shadowed(&file, "osd/class:ssd", "osd_max_backfills"), Some(("osd", "2")));
        for who in ["global", "osd", "osd.2"] {
            assert_eq!(shadowed(&file, who, "osd_max_scrubs"), None, "{who}");
        }
    }

    #[test]
    fn a_mask_is_part_of_whom_it_is_for() {
        let entry = |section: &str, mask: &str| ConfigEntry {
            section: section.to_owned(),
            name: "osd_max_backfills".to_owned(),
            value: "2".to_owned(),
            mask: mask.to_owned(),
            level: String::new(),
            can_update_at_runtime: true,
        };
        assert_eq!(CephConfig::of(&entry("osd", "class:ssd")).who, "osd/class:ssd");
        assert!(is(&entry("osd", ""), "osd", "osd_max_backfills"));
        assert!(!is(&entry("osd", "class:ssd"), "osd", "osd_max_backfills"));
    }
}
