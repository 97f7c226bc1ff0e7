use std::path::PathBuf;

use super::*;

fn around() -> Surroundings {
    Surroundings {
        base: PathBuf::from("/srv/names"),
        home: Some(PathBuf::from("/home/ada")),
    }
}

fn read(text: &str) -> Result<Stack, ConfigErrors> {
    let name = "stackctl.yaml";
    parse(&SourceText { name, text }, &around())
}

#[test]
fn the_starter_parses() {
    if let Err(errors) = read(STARTER) {
        panic!("{}", errors.render(false, 100));
    }
}
