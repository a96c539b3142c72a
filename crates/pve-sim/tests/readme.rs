//! What the README shows is so.

use std::process::Command;

use pve_sim::shape::Shape;
use pve_sim::{Options, Sim};

const README: &str = include_str!("../README.md");

/// The blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let blocks = README.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<String> = blocks.map(str::to_owned).collect();
    assert!(!blocks.is_empty(), "no {language} is shown");
    blocks
}

#[test]
fn each_script_runs() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_pve-sim"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    for script in blocks("sh") {
        let output = Command::new("sh").args(["-ec", &script]).env("PATH", &path).output().unwrap();
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn the_clusters_file_is_read_and_each_call_of_the_control_address_is_answered() {
    let [file] = blocks("yaml").try_into().unwrap();
    let running = Sim::start(Options { shape: Shape::from_yaml(&file).unwrap(), ..Options::default() }).await.unwrap();
    // An error says that this process has chosen already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let calls: Vec<String> =
        blocks("http").iter().flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    for call in &calls {
        let mut parts = call.splitn(3, ' ');
        let (method, path) = (parts.next().unwrap().parse().unwrap(), parts.next().unwrap());
        let body = parts.next().unwrap_or_default().to_owned();
        let answer = client.request(method, format!("{}{path}", running.control)).body(body).send().await.unwrap();
        let status = answer.status();
        assert_eq!(status, 200, "{call}: {}", answer.text().await.unwrap_or_default());
    }
    // Each call of the table is among those that were tried.
    let rows = README.lines().filter(|line| line.starts_with("| `GET /") || line.starts_with("| `POST /"));
    let mut seen = 0;
    for row in rows {
        for call in row.split('|').nth(1).unwrap().split('`').filter(|part| part.contains(" /")) {
            let (method, path) = call.split_once(' ').unwrap();
            let fits = |tried: &String| {
                let mut words = tried.split(' ');
                let same =
                    |(wanted, part): (&str, &str)| wanted == part || wanted.chars().all(|c| c.is_ascii_uppercase());
                let (verb, tried) = (words.next().unwrap(), words.next().unwrap());
                verb == method
                    && tried.split('/').count() == path.split('/').count()
                    && path.split('/').zip(tried.split('/')).all(same)
            };
            assert!(calls.iter().any(fits), "{call} is not tried");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
    running.stop().await;
}

#[test]
fn every_option_and_verb_is_told() {
    let help = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_pve-sim")).args(arguments).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let options = help(&["serve"]);
    let options = options.split_whitespace().filter(|word| word.starts_with("--") && *word != "--help");
    for option in options.map(|word| word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())) {
        assert!(README.contains(&format!("| `{option}")), "{option} is not told of");
    }
    let all = help(&[]);
    let verbs =
        all.lines().skip_while(|line| !line.starts_with("Commands")).skip(1).take_while(|line| !line.is_empty());
    for verb in verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help") {
        assert!(README.contains(&format!("`pve-sim {verb}")), "{verb} is not told of");
    }
}
