//! The lab against a real engine. Run one with
//! `STACKCTL_LAB_HOSTS=2 cargo test --lib lab::tests::up -- --ignored --nocapture`.

use super::*;

fn options() -> UpOptions {
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or(default.to_owned());
    UpOptions {
        name: variable("STACKCTL_LAB_NAME", "selftest").parse().unwrap(),
        hosts: variable("STACKCTL_LAB_HOSTS", "1").parse().unwrap(),
        base: variable("STACKCTL_LAB_BASE", "bookworm").parse().unwrap(),
        may_install: true,
    }
}

fn print(event: LabEvent) {
    println!("{event:?}");
}

#[tokio::test]
#[ignore = "needs docker"]
async fn a_lab_comes_up() {
    let before = std::time::Instant::now();
    let lab = up(options(), &mut print).await.unwrap();
    println!("up in {:?}", before.elapsed());
    for host in &lab.hosts {
        println!("{host:#?}");
    }
    let status = status(&lab.name).await.unwrap();
    assert!(
        status
            .hosts
            .iter()
            .all(|host| host.state == HostState::Running)
    );
}

#[tokio::test]
#[ignore = "needs docker"]
async fn a_host_reboots_with_the_same_ports() {
    let lab = up(options(), &mut print).await.unwrap();
    let before = std::time::Instant::now();
    reboot(&lab.hosts[0]).await.unwrap();
    println!("rebooted in {:?}", before.elapsed());
    pause(&lab.hosts[0]).await.unwrap();
    let paused = status(&lab.name).await.unwrap();
    assert_eq!(paused.hosts[0].state, HostState::Paused);
    unpause(&lab.hosts[0]).await.unwrap();
    assert_eq!(up(options(), &mut print).await.unwrap(), lab);
}

#[tokio::test]
#[ignore = "needs docker"]
async fn images_say_what_they_are() {
    for image in images().await.unwrap() {
        println!("{image:?}");
    }
}

#[tokio::test]
#[ignore = "needs docker"]
async fn a_lab_goes_down_twice() {
    down(&options().name).await.unwrap();
    down(&options().name).await.unwrap();
    assert!(status(&options().name).await.is_err());
}

#[test]
fn bases_have_their_names() {
    for base in [Base::Bookworm, Base::Trixie, Base::Sid] {
        assert_eq!(base.to_string().parse::<Base>().unwrap(), base);
    }
    assert!("buster".parse::<Base>().is_err());
}
