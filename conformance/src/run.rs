//! Every case ends: with what came of it, whatever the component does. Several are under way at a time, since those about
//! time to live wait for seconds to pass; they are told in their order.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};

use super::{
    case::{Case, Group},
    facts::{Facts, exported},
    outcome::{Checked, Ran},
    scene::Scene,
    subject::Subject,
};

/// How many cases are under way at a time.
const AT_A_TIME: usize = 16;

/// Runs these cases. The results come in the order of the cases, each as soon as it and those before it have ended.
pub fn run(
    subject: Subject,
    cases: Vec<(&'static Group, &'static Case)>,
) -> impl Stream<Item = Ran> {
    let subject = Arc::new(subject);
    let facts = Arc::new(Facts::new(&subject));
    stream::iter(cases)
        .map(move |(group, case)| {
            let (subject, facts) = (Arc::clone(&subject), Arc::clone(&facts));
            async move { ran(group, case, &subject, &facts).await }
        })
        .buffered(AT_A_TIME)
}

async fn ran(group: &'static Group, case: &Case, subject: &Arc<Subject>, facts: &Facts) -> Ran {
    let scene = Scene::new(subject);
    Ran {
        group: group.name,
        case: case.name(),
        outcome: checked(group, case, &scene, subject, facts).await.into(),
        heard: scene.heard(),
    }
}

async fn checked(
    group: &Group,
    case: &Case,
    scene: &Scene,
    subject: &Subject,
    facts: &Facts,
) -> Checked {
    exported(group.interface, subject)?;
    for need in case.needs {
        facts.allow(*need).await?;
    }
    let checked = (case.check)(scene).await;
    let cleaned = scene.clean().await;
    checked.and(cleaned)
}
