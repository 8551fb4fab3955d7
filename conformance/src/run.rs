//! Runs the cases. Every case ends with an outcome, whatever the component does.
//!
//! Several cases run at a time, because those about time to live wait for seconds to pass. Their
//! outcomes are reported in the order of the cases.

use super::case::{Case, Group, Interface, Need};
use super::outcome::{Checked, Ran, Unmet};
use super::scene::Scene;
use super::subject::Subject;
use dapr_wasm_host::types::FeatureSet;
use futures_util::{Stream, StreamExt, stream};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The largest number of cases that run at a time.
const AT_A_TIME: usize = 16;

/// Runs these cases. The results come in the order of the cases, each as soon as it and all earlier
/// ones have ended.
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

/// Facts about a component that were observed so far: the features that it declares, and whether
/// its instances share a store. Each is observed once, when the first case needs it. So a run of
/// cases that only read writes nothing.
struct Facts {
    subject: Arc<Subject>,
    features: OnceCell<Checked<FeatureSet>>,
    shared: OnceCell<Checked<bool>>,
}

impl Facts {
    fn new(subject: &Arc<Subject>) -> Self {
        Self {
            subject: Arc::clone(subject),
            features: OnceCell::new(),
            shared: OnceCell::new(),
        }
    }

    /// Checks that a case with this requirement applies to the component.
    async fn allow(&self, need: Need) -> Checked {
        let subject = &*self.subject;
        let (feature, name, wanted) = match need {
            Need::Etag => (FeatureSet::ETAG, "etag", true),
            Need::Transactional => (FeatureSet::TRANSACTIONAL, "transactional", true),
            Need::Ttl => (FeatureSet::TTL, "ttl", true),
            Need::NoEtag => (FeatureSet::ETAG, "etag", false),
            Need::NoTransactional => (FeatureSet::TRANSACTIONAL, "transactional", false),
            Need::NoTtl => (FeatureSet::TTL, "ttl", false),
            Need::SharedStore if self.shared().await? => return Ok(()),
            Need::SharedStore => {
                return not_applicable(
                    "a second instance does not see an item that a first one wrote: they do not share a store",
                );
            }
            Need::BothInterfaces => {
                exported(Interface::State, subject)?;
                return exported(Interface::Binding, subject);
            }
            Need::Invocation if subject.invocation.is_some() => return Ok(()),
            Need::Invocation => {
                return not_applicable(
                    "no operation to perform: name one with --invoke OPERATION=DATA",
                );
            }
        };
        match self.features().await?.contains(feature) {
            declared if declared == wanted => Ok(()),
            false => not_applicable(format_args!("the store does not declare {name}")),
            true => not_applicable(format_args!("the store declares {name}")),
        }
    }

    async fn features(&self) -> Checked<FeatureSet> {
        let observed = async { features(&Scene::new(&self.subject)).await };
        self.features.get_or_init(|| observed).await.clone()
    }

    async fn shared(&self) -> Checked<bool> {
        let observed = async {
            let scene = Scene::new(&self.subject);
            let shared = shared(&scene).await;
            // The cases themselves report an error of the store.
            let _ = scene.clean().await;
            shared
        };
        self.shared.get_or_init(|| observed).await.clone()
    }
}

/// Checks that the component has this interface and a configuration for it.
fn exported(interface: Interface, subject: &Subject) -> Checked {
    let (exported, configuration) = match interface {
        Interface::State => (subject.plugin.exports_state(), &subject.state),
        Interface::Binding => (subject.plugin.exports_binding(), &subject.binding),
    };
    match configuration {
        _ if !exported => not_applicable(format_args!("the component does not export {interface}")),
        Ok(_) => Ok(()),
        Err(reason) => not_applicable(reason),
    }
}

fn not_applicable(reason: impl std::fmt::Display) -> Checked {
    Err(Unmet::NotApplicable(reason.to_string()))
}

async fn features(scene: &Scene) -> Checked<FeatureSet> {
    Ok(scene.store().await?.features().await?)
}

/// Returns true if instances share a store. A store that loses data is an error instead: its writer
/// does not see the item either.
async fn shared(scene: &Scene) -> Checked<bool> {
    let mut writer = scene.store().await?;
    writer.set("shared", b"v", None).await?;
    if writer.get("shared").await?.is_none() {
        return Err(Unmet::failed(
            "get of an item that was just set returned none",
        ));
    }
    Ok(scene.store().await?.get("shared").await?.is_some())
}
