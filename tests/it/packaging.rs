//! What `cargo package` would put into the crate.

use std::process::Command;

use crate::golden::{files, root};

#[test]
fn the_crate_holds_every_file_that_the_program_embeds() {
    let listed = Command::new(env!("CARGO"))
        .args([
            "package",
            "--list",
            "--allow-dirty",
            "--offline",
            "--manifest-path",
        ])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "{told}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let listed: Vec<&str> = listed.lines().collect();
    let missing: Vec<String> = ["templates", "examples", "src", "completions"]
        .iter()
        .flat_map(|folder| {
            let below = files(&root().join(folder)).into_iter();
            below.map(move |path| format!("{folder}/{}", path.display()))
        })
        .chain(["LICENSE", "CHANGELOG.md", "Cargo.lock"].map(str::to_owned))
        .filter(|path| !path.contains("__pycache__"))
        .filter(|path| !listed.contains(&path.as_str()))
        .collect();
    assert_eq!(missing, [""; 0], "not in the package");
}
