use super::*;

#[test]
fn bases_have_their_names() {
    for base in [Base::Bookworm, Base::Trixie, Base::Sid] {
        assert_eq!(base.to_string().parse::<Base>().unwrap(), base);
    }
    assert!("buster".parse::<Base>().is_err());
}
