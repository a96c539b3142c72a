//! No file of tests is forgotten: in two programs a file runs only because another one names it.

use std::collections::BTreeSet;
use std::path::Path;

/// The Rust files in a folder, and below it, that are part of no program, since the file that they belong to does not
/// name them. `root` is the one that names those in `folder`.
fn forgotten(folder: &Path, root: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(root).unwrap_or_default();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let named =
            text.lines().any(|line| line.strip_suffix(';').is_some_and(|line| line.ends_with(&format!("mod {name}"))));
        if path.is_dir() {
            let beside = path.with_extension("rs");
            let root = if beside.is_file() { beside } else { path.join("mod.rs") };
            let inside = forgotten(&path, &root)?;
            if !named && root.is_file() {
                found.push(path.display().to_string());
            }
            found.extend(inside);
        } else if path.extension().is_some_and(|extension| extension == "rs") && path != root && !named {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

#[test]
fn every_file_is_part_of_one_of_the_two_programs() -> anyhow::Result<()> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let programs = std::fs::read_dir(&tests)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let programs = programs.collect::<anyhow::Result<BTreeSet<String>>>()?;
    assert_eq!(programs, BTreeSet::from(["found", "written"].map(str::to_owned)), "each program is linked anew");
    for program in programs {
        let folder = tests.join(program);
        assert_eq!(forgotten(&folder, &folder.join("main.rs"))?, [""; 0]);
    }
    Ok(())
}

#[test]
fn a_file_that_nobody_names_is_noticed() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        std::fs::write(path, text)
    };
    write("main.rs", "mod a;\nmod b;\npub(crate) mod c;\n// mod d\n")?;
    for file in ["a.rs", "a/data.yaml", "b/mod.rs", "c.rs", "data/some.yaml"] {
        write(file, "")?;
    }
    let told = || -> anyhow::Result<BTreeSet<String>> {
        let found = forgotten(folder.path(), &folder.path().join("main.rs"))?;
        let base = format!("{}/", folder.path().display());
        Ok(found.iter().map(|file| file.trim_start_matches(&base).to_owned()).collect())
    };
    assert!(told()?.is_empty());
    let nobodys = ["a/e.rs", "b/e.rs", "d.rs", "data/e.rs"];
    nobodys.iter().try_for_each(|file| write(file, ""))?;
    write("f/mod.rs", "mod g;")?;
    write("f/g.rs", "")?;
    assert_eq!(told()?, [&nobodys[..], &["f"]].concat().into_iter().map(str::to_owned).collect());
    Ok(())
}
