//! What a component declares and how its instances stand to each other is observed once, for the first case that needs
//! to know it, and not where none does: a run of cases that only read writes nothing.

use std::sync::Arc;

use dapr_wasm_host::types::FeatureSet;
use tokio::sync::OnceCell;

use super::{
    case::{Interface, Need},
    outcome::{Checked, Unmet},
    scene::Scene,
    subject::Subject,
};

/// What was observed so far.
pub(super) struct Facts {
    subject: Arc<Subject>,
    features: OnceCell<Checked<FeatureSet>>,
    shared: OnceCell<Checked<bool>>,
}

impl Facts {
    pub(super) fn new(subject: &Arc<Subject>) -> Self {
        Self {
            subject: Arc::clone(subject),
            features: OnceCell::new(),
            shared: OnceCell::new(),
        }
    }

    /// Whether a case with this need is about the component.
    pub(super) async fn allow(&self, need: Need) -> Checked {
        let subject = &*self.subject;
        match need {
            Need::Etag => self.declared(FeatureSet::ETAG, "etag", true).await,
            Need::Transactional => {
                self.declared(FeatureSet::TRANSACTIONAL, "transactional", true)
                    .await
            }
            Need::Ttl => self.declared(FeatureSet::TTL, "ttl", true).await,
            Need::NoEtag => self.declared(FeatureSet::ETAG, "etag", false).await,
            Need::NoTransactional => {
                self.declared(FeatureSet::TRANSACTIONAL, "transactional", false)
                    .await
            }
            Need::NoTtl => self.declared(FeatureSet::TTL, "ttl", false).await,
            Need::SharedStore => match self.shared().await? {
                true => Ok(()),
                false => not_applicable(
                    "a second instance does not see what a first one wrote: they share no store",
                ),
            },
            Need::BothInterfaces => {
                exported(Interface::State, subject)?;
                exported(Interface::Binding, subject)
            }
            Need::Invocation => match subject.invocation {
                Some(_) => Ok(()),
                None => not_applicable(
                    "no operation was named that may be performed: --invoke OPERATION=DATA names one",
                ),
            },
        }
    }

    async fn declared(&self, feature: FeatureSet, name: &str, wanted: bool) -> Checked {
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
            // What is wrong with the store here, the cases say.
            let _ = scene.clean().await;
            shared
        };
        self.shared.get_or_init(|| observed).await.clone()
    }
}

/// Whether the component has this interface and a configuration for it.
pub(super) fn exported(interface: Interface, subject: &Subject) -> Checked {
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

/// A store that forgets what it was told is none of these: its writer does not see the item either.
async fn shared(scene: &Scene) -> Checked<bool> {
    let mut writer = scene.store().await?;
    writer.set("shared", b"v", None).await?;
    if writer.get("shared").await?.is_none() {
        return Err(Unmet::failed("get of an item that was just set gives none"));
    }
    Ok(scene.store().await?.get("shared").await?.is_some())
}
