//! Tests of a shared engine: its plugins share its limit and its address space, and nothing else.

use super::components::{
    binding_by_hand, binding_that_counts, binding_with_large_parts, that_traps,
};
use super::events::warnings_of;
use super::folders::private_folder;
use super::slots::{answers, has_slots, try_start};
use super::{number, start};
use crate::tests::assert_matches;
use crate::{Engine, EngineBuilder, HostError, InstancePool, Plugin, PluginBuilder};

fn engine(max_instances: usize) -> Engine {
    let builder = Engine::builder().max_instances(number(max_instances));
    builder.build().unwrap()
}

fn builder(engine: &Engine) -> PluginBuilder {
    Plugin::builder().without_cache().engine(engine)
}

fn load(engine: &Engine, component: &[u8]) -> Plugin {
    builder(engine).from_bytes(component).unwrap()
}

#[tokio::test]
async fn different_plugins_run_at_once_on_one_engine() {
    let engine = engine(6);
    let dynamodb = builder(&engine).from_file(host_test::component_path());
    let memory = builder(&engine).from_file(fixtures::memory_store());
    let (dynamodb, memory) = (dynamodb.unwrap(), memory.unwrap());
    let by_hand = load(&engine, &binding_by_hand());
    for plugin in [&dynamodb, &memory, &by_hand] {
        assert!(has_slots(plugin));
        assert!(wasmtime::Engine::same(
            plugin.loaded.pre.engine(),
            &engine.running.engine
        ));
    }

    let mut instances = Vec::new();
    for plugin in [&dynamodb, &memory, &by_hand, &dynamodb, &memory, &by_hand] {
        instances.push(start(plugin).await);
    }
    let [bindings, stores, by_hand, _, other_stores, _] = &mut instances[..] else {
        unreachable!()
    };
    let operations = bindings.binding().unwrap().operations().await.unwrap();
    assert!(operations.contains(&"create".to_owned()), "{operations:?}");
    for (store, value) in [(&mut *stores, b"1"), (&mut *other_stores, b"2")] {
        let mut store = store.state().unwrap();
        store.init::<&str, &str>(&[]).await.unwrap();
        store.set("key", value, None).await.unwrap();
    }
    let item = stores.state().unwrap().get("key", None).await.unwrap();
    assert_eq!(item.unwrap().value, b"1");
    answers(by_hand).await;
}

#[tokio::test]
async fn engine_limit_counts_instances_of_all_plugins() {
    let engine = engine(2);
    let first = load(&engine, &binding_by_hand());
    let second = load(&engine, &binding_that_counts());
    let one = start(&first).await;
    let _two = start(&second).await;
    for plugin in [&first, &second] {
        let refused = try_start(plugin).await.unwrap_err();
        assert_matches!(refused, HostError::EngineFull { max_instances: 2 });
        let remedy = "raise EngineBuilder::max_instances";
        assert!(refused.to_string().contains(remedy), "{refused}");
    }
    drop(one);
    answers(&mut start(&second).await).await;
}

#[tokio::test]
async fn plugin_limit_leaves_room_for_other_plugins() {
    let engine = engine(3);
    let limited = builder(&engine).max_instances(number(1));
    let limited = limited.from_bytes(&binding_by_hand()).unwrap();
    let other = load(&engine, &binding_by_hand());
    let _one = start(&limited).await;
    // More attempts than the engine has room for: a refused instance takes no room.
    for _ in 0..4 {
        let refused = try_start(&limited).await.unwrap_err();
        assert_matches!(refused, HostError::TooManyInstances { max_instances: 1 });
    }
    let _two = start(&other).await;
    let _three = start(&other).await;
    let full = try_start(&other).await.unwrap_err();
    assert_matches!(full, HostError::EngineFull { .. });
}

#[tokio::test]
async fn instance_refused_by_a_full_engine_does_not_count() {
    let engine = engine(1);
    let other = load(&engine, &binding_by_hand());
    let limited = builder(&engine).max_instances(number(1));
    let limited = limited.from_bytes(&binding_by_hand()).unwrap();
    let only = start(&other).await;
    let full = try_start(&limited).await.unwrap_err();
    assert_matches!(full, HostError::EngineFull { .. });
    drop(only);
    start(&limited).await;
}

#[test]
fn pool_is_no_larger_than_its_engine_allows() {
    let plugin = load(&engine(2), &binding_by_hand());
    assert_eq!(plugin.max_instances(), number(2));
    let pool = InstancePool::builder(&plugin)
        .max_instances(number(3))
        .build();
    assert_eq!(pool.max_instances(), number(2));
}

#[tokio::test]
async fn component_too_large_for_its_engine_names_the_option() {
    let component = binding_with_large_parts();
    let mut builder = Engine::builder()
        .max_instances(number(2))
        .max_memories_per_instance(number(1))
        .max_tables_per_instance(number(1))
        .max_elements_per_table(number(1));
    let mut raised = Vec::new();
    let plugin = loop {
        let engine = builder.clone().build().unwrap();
        let error = match self::builder(&engine).from_bytes(&component) {
            Ok(plugin) => break plugin,
            Err(error) => error,
        };
        let HostError::EngineTooSmall { option, needed, .. } = error else {
            panic!("{error}");
        };
        let remedy = format!("raise EngineBuilder::{option}");
        assert!(error.to_string().contains(&remedy), "{error}");
        assert!(!raised.contains(&option), "{error}");
        raised.push(option);
        let raise = match option {
            "max_memories_per_instance" => EngineBuilder::max_memories_per_instance,
            "max_tables_per_instance" => EngineBuilder::max_tables_per_instance,
            "max_elements_per_table" => EngineBuilder::max_elements_per_table,
            _ => panic!("{error}"),
        };
        builder = raise(builder, number(needed.try_into().unwrap()));
    };
    assert_eq!(raised.len(), 3);
    assert!(has_slots(&plugin));
    let mut both = [start(&plugin).await, start(&plugin).await];
    for instance in &mut both {
        answers(instance).await;
    }
}

#[test]
fn engine_settings_are_refused_on_its_plugins() {
    let engine = engine(1);
    for (builder, named) in [
        (builder(&engine).interruptible(true), "interruptible"),
        (builder(&engine).perf_map(false), "perf_map"),
    ] {
        let error = builder.from_bytes(&binding_by_hand()).unwrap_err();
        assert!(matches!(error, HostError::EngineSetting { option } if option == named));
        let remedy = format!("use EngineBuilder::{named}");
        assert!(error.to_string().contains(&remedy), "{error}");
    }
}

#[tokio::test]
async fn engine_lives_as_long_as_its_last_instance() {
    // Not interruptible, since the ticker thread holds an engine for a moment.
    let engine = Engine::builder().interruptible(false);
    let engine = engine.max_instances(number(1)).build().unwrap();
    let weak = engine.running.engine.weak();
    let plugin = load(&engine, &binding_by_hand());
    drop(engine);
    let mut instance = start(&plugin).await;
    drop(plugin);
    answers(&mut instance).await;
    assert!(weak.upgrade().is_some());
    drop(instance);
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn engine_without_address_space_warns_and_runs() {
    let (engine, warnings) = warnings_of(|| engine(1_000_000));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let plugin = load(&engine, &binding_by_hand());
    assert!(!has_slots(&plugin));
    answers(&mut start(&plugin).await).await;
    // The error depends on the settings of the engine, not on the machine.
    let error = builder(&engine).from_bytes(&binding_with_large_parts());
    assert!(matches!(error, Err(HostError::EngineTooSmall { .. })));
}

#[test]
fn engines_with_equal_settings_share_cached_code() {
    let folder = private_folder();
    let component = that_traps("output-binding");
    let code = || {
        let kept = std::fs::read_dir(folder.path().join("dapr-wasm-host")).unwrap();
        kept.map(|file| file.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    let load = |builder: PluginBuilder| {
        let builder = builder.cache_directory(folder.path());
        builder.from_bytes(&component).unwrap()
    };
    load(Plugin::builder());
    let kept = code();
    assert_eq!(kept.len(), 1);
    load(Plugin::builder().engine(&engine(1)));
    load(Plugin::builder().engine(&engine(2)));
    assert_eq!(code(), kept);
}

/// Prints the figures in this crate's README, which shows the command to run this test.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "measures the address space of the process, in which no other test may run"]
fn figures_of_ten_plugins_with_and_without_a_shared_engine() {
    const PLUGINS: usize = 10;
    let folder = private_folder();
    let load = |builder: PluginBuilder| {
        let builder = builder.cache_directory(folder.path());
        builder.from_file(host_test::component_path()).unwrap()
    };
    load(Plugin::builder()); // compiles
    let measure = |name, builder: &dyn Fn() -> PluginBuilder| {
        let before = address_space();
        let started = std::time::Instant::now();
        let plugins = [(); PLUGINS].map(|()| load(builder()));
        let taken = started.elapsed();
        let reserved = address_space() - before;
        drop(plugins);
        println!(
            "{name}: {:.2} TiB, {taken:.1?}",
            reserved as f64 / (1_u64 << 40) as f64
        );
        reserved
    };
    let apart = measure("an engine for each plugin", &Plugin::builder);
    let shared = std::cell::OnceCell::new();
    let together = measure("one engine for all", &|| {
        let engine = shared.get_or_init(|| Engine::builder().build().unwrap());
        Plugin::builder().engine(engine)
    });
    assert!(together < apart);
}

/// Returns the size of this process's address space, in bytes.
#[cfg(target_os = "linux")]
fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let size = size.unwrap().trim().strip_suffix(" kB").unwrap();
    size.parse::<u64>().unwrap() * 1024
}
