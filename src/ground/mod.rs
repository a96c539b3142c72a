//! What every area stands on: how errors are told, when something is gone, what became of a lost answer, which rights are
//! missing. It knows no area.

pub mod absence;
pub mod error;
pub mod everywhere;
pub mod evidence;
pub mod following;
pub mod ledger;
pub mod lives;
mod log_line;
pub mod meter;
pub mod named;
pub mod privileges;
pub mod pve;
pub mod rights;
pub mod texts;
pub mod wire;

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// What is used of the crate's other folders by the files of one.
    fn used(folder: &str) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let texts: Vec<String> = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let named = |text: &str| {
            let rest = text.split("crate::").skip(1);
            rest.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
                .collect::<Vec<String>>()
        };
        let mut used: Vec<String> = texts.iter().flat_map(|text| named(text)).filter(|name| !name.is_empty()).collect();
        used.sort();
        used.dedup();
        used
    }

    #[test]
    fn the_ground_knows_no_area_and_the_kits_stand_on_it_alone() {
        assert_eq!(used("ground"), ["ground"]);
        assert_eq!(used("section"), ["ground", "section"]);
        assert_eq!(used("guest"), ["ground"]);
    }
}
