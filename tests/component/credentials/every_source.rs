//! Each source alone is enough; of two, the earlier one is asked; over each, a role can be assumed.

use test_support::aws::sts::{ASSUME_ROLE, Form};

use super::lenders::{Lenders, ROLE, SOURCES};
use super::scene::{Scene, label};

#[tokio::test]
async fn each_source_gives_credentials_that_the_table_takes() {
    for source in SOURCES {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        lenders.lend(source, scene.guest()).works().await;
        assert_eq!(scene.signers(), [source.label()]);
        assert!(scene.gate.refused().is_empty());
        let others = SOURCES.into_iter().filter(|other| *other != source);
        assert_eq!(others.map(|other| lenders.asked(other)).sum::<usize>(), 0);
    }
}

#[tokio::test]
async fn of_two_sources_the_earlier_gives_the_credentials_and_the_later_is_not_asked() {
    for (place, earlier) in SOURCES.into_iter().enumerate() {
        for later in SOURCES.into_iter().skip(place + 1) {
            let scene = Scene::new().await;
            let lenders = Lenders::of(&scene);
            let guest = lenders.lend(later, lenders.lend(earlier, scene.guest()));
            guest.works().await;
            assert_eq!(
                scene.signers(),
                [earlier.label()],
                "{earlier:?} before {later:?}"
            );
            assert_eq!(lenders.asked(later), 0, "{earlier:?} before {later:?}");
        }
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_the_credentials_of_each_source() {
    for source in SOURCES {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        let guest = lenders.reaching_sts(lenders.lend(source, scene.guest()));
        guest.metadata("assumeRoleArn", ROLE).works().await;
        // Of the source's own credentials, the table sees nothing.
        assert_eq!(scene.signers(), ["STS"], "{source:?}");
        assert_eq!(scene.gate.passed().len(), 1, "{source:?}");
        let asked = lenders.sts.asked(ASSUME_ROLE);
        let [request] = asked.as_slice() else {
            panic!("{} requests for a role over {source:?}", asked.len());
        };
        assert_eq!(request.access_key().map(label), Some(source.label()));
        let form = Form::read(&request.body);
        assert_eq!(form.text("RoleSessionName"), "DaprDefaultSession");
    }
}

#[tokio::test]
async fn many_calls_of_an_instance_ask_a_source_once() {
    for source in SOURCES {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        let mut store = lenders.lend(source, scene.guest()).store().await;
        let asked = lenders.asked(source);
        for _ in 0..20 {
            store.state().get("k", None).await.expect("a read");
        }
        assert_eq!(lenders.asked(source), asked, "{source:?}");
    }
}
