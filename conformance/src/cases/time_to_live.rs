//! An item whose time to live has passed is absent, whether or not the store still holds it.

use super::*;
use dapr_wasm_host::types::{Consistency, GetOptions, SetOptions};
use std::fmt::Display;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub const GROUP: Group = Group {
    name: "time to live",
    interface: Interface::State,
    cases: cases!(
        [Ttl],
        [
            get_returns_the_second_of_expiry,
            item_is_present_until_its_second_of_expiry,
            zero_minus_one_and_absent_remove_the_time_to_live,
            time_to_live_below_minus_one_is_an_invalid_argument,
            time_to_live_beyond_s64_is_an_invalid_argument,
            expired_item_is_absent_for_get_and_bulk_get,
            expired_item_can_be_replaced_and_deleted,
            expired_item_is_absent_for_first_write(Etag),
            first_write_fails_before_the_item_expires(Etag),
            expired_item_has_no_etag_to_match(Etag),
            bulk_set_keeps_the_time_to_live_of_each_item,
            transaction_keeps_the_time_to_live_of_each_item(Transactional),
        ]
    ),
};

async fn get_returns_the_second_of_expiry(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for seconds in [300_u32, 3600, 86_400 * 365 * 20] {
        let before = now();
        store.set("k", b"v", expiring(seconds.into())).await?;
        let expiry = store.item("k").await?.expires_at;
        due_in("the expiry", seconds, before, expiry)?;
        let [item] = by_position(store.bulk_get(&["k"]).await?)?;
        let item = there("the item", succeeds("a bulk-get", item)?)?;
        equal("the expiry of bulk-get", item.expires_at, expiry)?;
    }
    Ok(())
}

async fn item_is_present_until_its_second_of_expiry(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let seconds = 2 * CLOCK_TOLERANCE;
    let before = now();
    store.set("k", b"v", expiring(seconds.into())).await?;
    no_longer_there(&mut store, "k").await?;
    let lived = now().saturating_sub(before);
    holds(
        lived + u64::from(CLOCK_TOLERANCE) >= u64::from(seconds),
        format_args!("an item with a time to live of {seconds} s is gone after {lived} s"),
    )
}

async fn zero_minus_one_and_absent_remove_the_time_to_live(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let never = [
        ("zero", expiring(0)),
        ("minus-one", expiring(-1)),
        ("none", None),
        ("absent", Some(SetOptions::default())),
    ];
    for (name, options) in never.clone() {
        store.set(name, b"v", expiring(1)).await?;
        store.set(name, b"v", options).await?;
    }
    outlived(&mut store).await?;
    for (name, _) in never {
        equal("the expiry", store.item(name).await?.expires_at, None)?;
    }
    Ok(())
}

async fn time_to_live_below_minus_one_is_an_invalid_argument(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for seconds in [-2, -3600, i64::MIN + 1, i64::MIN] {
        let answer = store.set("k", b"v", expiring(seconds)).await;
        refused(answer, "invalid-argument")?;
        let sets = [
            set_of("k", b"v", expiring(seconds)),
            set_of("other", b"v", None),
        ];
        let [wrong, other] = by_position(store.bulk_set(&sets).await?)?;
        fails(wrong, |error| is_error(error, "invalid-argument"))?;
        succeeds("the request beside it", other)?;
    }
    equal("the refused item", store.get("k").await?, None)
}

/// The time of expiry has to fit an s64.
async fn time_to_live_beyond_s64_is_an_invalid_argument(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for seconds in [i64::MAX, i64::MAX - 1] {
        let answer = store.set("k", b"v", expiring(seconds)).await;
        refused(answer, "invalid-argument")?;
    }
    equal("the refused item", store.get("k").await?, None)?;
    // The clock is at about 1.8 billion seconds since the Unix epoch.
    let far = i64::MAX - 4_000_000_000;
    store.set("k", b"v", expiring(far)).await?;
    let expiry = store.item("k").await?.expires_at;
    holds(
        expiry.is_some_and(|moment| moment > far.unsigned_abs()),
        format_args!("the expiry in {far} s is {expiry:?}"),
    )
}

async fn expired_item_is_absent_for_get_and_bulk_get(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let names = ["strong", "eventual", "bulk"];
    for name in names {
        store.set(name, b"v", expiring(1)).await?;
    }
    outlived(&mut store).await?;
    let [bulk] = by_position(store.bulk_get(&["bulk"]).await?)?;
    equal("an expired item of bulk-get", bulk, Ok(None))?;
    for (name, consistency) in names
        .into_iter()
        .zip([Consistency::Strong, Consistency::Eventual])
    {
        let how = Some(GetOptions {
            consistency: Some(consistency),
        });
        equal(name, store.get_with(name, how).await?, None)?;
    }
    Ok(())
}

async fn expired_item_can_be_replaced_and_deleted(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for name in ["replaced", "deleted"] {
        store.set(name, b"old", expiring(1)).await?;
    }
    outlived(&mut store).await?;
    store.set("replaced", b"new", None).await?;
    store.delete("deleted", None).await?;
    let replaced = store.item("replaced").await?;
    equal("the value", replaced.value, b"new")?;
    equal("the expiry", replaced.expires_at, None)?;
    equal("a deleted item", store.get("deleted").await?, None)
}

async fn expired_item_is_absent_for_first_write(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"old", expiring(1)).await?;
    outlived(&mut store).await?;
    store.set("k", b"new", first_write()).await?;
    let item = store.item("k").await?;
    equal("the value", item.value, b"new")?;
    equal("the expiry", item.expires_at, None)
}

async fn first_write_fails_before_the_item_expires(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"old", expiring(3600)).await?;
    let answer = store.set("k", b"new", first_write()).await;
    mismatch(answer, &scene.key("k"))?;
    equal("the value", store.item("k").await?.value, b"old")
}

async fn expired_item_has_no_etag_to_match(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let set = store.set("set", b"v", expiring(1)).await?;
    let deleted = store.set("deleted", b"v", expiring(1)).await?;
    outlived(&mut store).await?;
    let answer = store.set("set", b"2", if_etag(&set)).await;
    mismatch(answer, &scene.key("set"))?;
    let answer = store.delete("deleted", delete_if_etag(&deleted)).await;
    mismatch(answer, &scene.key("deleted"))?;
    equal("the refused item", store.get("set").await?, None)
}

const OWN_TIMES: [(&str, i64); 3] = [("hour", 3600), ("never", -1), ("day", 86_400)];

async fn each_has_its_own(store: &mut Caller, before: u64) -> Checked {
    for (name, seconds) in OWN_TIMES {
        let expiry = store.item(name).await?.expires_at;
        match u32::try_from(seconds) {
            Ok(seconds) => due_in(name, seconds, before, expiry)?,
            Err(_) => equal(name, expiry, None)?,
        }
    }
    Ok(())
}

async fn bulk_set_keeps_the_time_to_live_of_each_item(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let before = now();
    let sets = OWN_TIMES.map(|(name, seconds)| set_of(name, b"v", expiring(seconds)));
    for set in store.bulk_set(&sets).await? {
        succeeds("a request of the bulk-set", set)?;
    }
    each_has_its_own(&mut store, before).await
}

async fn transaction_keeps_the_time_to_live_of_each_item(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let before = now();
    let sets = OWN_TIMES.map(|(name, seconds)| set(name, b"v", expiring(seconds)));
    store.transact(&sets).await?;
    each_has_its_own(&mut store, before).await
}

/// The tolerance in seconds between the clock of a store, which may be on a server, and the local
/// one.
const CLOCK_TOLERANCE: u32 = 2;
/// The time limit for an item to disappear. It includes the longest time to live that a case waits
/// for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two reads, which limits the load on a remote store.
const PAUSE: Duration = Duration::from_millis(50);

/// Returns the seconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Waits until the item under `name` is gone, by polling within a time limit.
async fn no_longer_there(store: &mut Caller, name: &str) -> Checked {
    let began = Instant::now();
    while store.get(name).await?.is_some() {
        holds(
            began.elapsed() < PATIENCE,
            format_args!("the item of {name:?} is still there after {PATIENCE:?}"),
        )?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Waits until all earlier items with a time to live of one second have expired, without reading
/// them. A store that deletes expired items when it reads them has then not deleted these.
pub(super) async fn outlived(store: &mut Caller) -> Checked {
    const LAST: &str = "set-last";
    store.set(LAST, b"v", expiring(1)).await?;
    no_longer_there(store, LAST).await
}

/// Checks that `moment` is this many seconds after a call that began at `before` and has ended.
fn due_in(what: impl Display, seconds: u32, before: u64, moment: Option<u64>) -> Checked {
    let tolerance = u64::from(CLOCK_TOLERANCE);
    let due = u64::from(seconds);
    let first = (before + due).saturating_sub(tolerance);
    let last = now() + due + tolerance;
    holds(
        moment.is_some_and(|moment| (first..=last).contains(&moment)),
        format_args!("{what} in {seconds} s is {moment:?}, not within {first} and {last}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_due_within_the_tolerance_and_no_later() {
        let before = now();
        assert!(due_in("k", 60, before, Some(before + 60)).is_ok());
        for wrong in [None, Some(60), Some(before + 10), Some(before + 3600)] {
            assert!(due_in("k", 60, before, wrong).is_err(), "{wrong:?}");
        }
    }
}
