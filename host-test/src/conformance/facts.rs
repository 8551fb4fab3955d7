//! What a component declares and how its instances stand to each other is observed once, before the first case: from it
//! follows which cases are about the component.

use dapr_wasm_host::types::FeatureSet;

use super::{
    case::{Interface, Need},
    outcome::{Checked, Unmet},
    scene::Scene,
    subject::Subject,
};

/// What was observed.
pub(super) struct Facts {
    features: Checked<FeatureSet>,
    shared: Checked<bool>,
}

impl Facts {
    pub(super) async fn observe(scene: &Scene) -> Self {
        Self {
            features: features(scene).await,
            shared: shared(scene).await,
        }
    }

    /// Whether a case with this need is about the component.
    pub(super) fn allow(&self, need: Need, subject: &Subject) -> Checked {
        match need {
            Need::Etag => self.declared(FeatureSet::ETAG, "etag", true),
            Need::Transactional => self.declared(FeatureSet::TRANSACTIONAL, "transactional", true),
            Need::Ttl => self.declared(FeatureSet::TTL, "ttl", true),
            Need::NoEtag => self.declared(FeatureSet::ETAG, "etag", false),
            Need::NoTransactional => {
                self.declared(FeatureSet::TRANSACTIONAL, "transactional", false)
            }
            Need::NoTtl => self.declared(FeatureSet::TTL, "ttl", false),
            Need::SharedStore => match &self.shared {
                Ok(true) => Ok(()),
                Ok(false) => not_applicable(
                    "a second instance does not see what a first one wrote: they share no store",
                ),
                Err(unmet) => Err(unmet.clone()),
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

    fn declared(&self, feature: FeatureSet, name: &str, wanted: bool) -> Checked {
        match &self.features {
            Ok(features) if features.contains(feature) == wanted => Ok(()),
            Ok(_) if wanted => not_applicable(format_args!("the store does not declare {name}")),
            Ok(_) => not_applicable(format_args!("the store declares {name}")),
            Err(unmet) => Err(unmet.clone()),
        }
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
