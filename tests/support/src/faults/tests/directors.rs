use super::*;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// Holds requests and responses until a test releases one.
#[derive(Default)]
struct Holding {
    heard: Mutex<Vec<Arrived>>,
    requests: Held,
    answers: Held,
}

struct Held(Semaphore);

impl Default for Held {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Held {
    async fn wait(&self) {
        self.0.acquire().await.unwrap().forget();
    }

    fn let_one_go(&self) {
        self.0.add_permits(1);
    }
}

impl Director for Holding {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        self.heard.lock().unwrap().push(arrived.clone());
        Box::pin(async {
            self.requests.wait().await;
            Action::pass()
        })
    }

    fn answered<'a>(&'a self, _: &'a Arrived, answer: &'a Reply) -> Decision<'a, ()> {
        assert_eq!(answer.status, 200);
        Box::pin(self.answers.wait())
    }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn director_can_hold_requests_and_responses() {
    let director = Arc::new(Holding::default());
    let (embedded, proxy) = proxied(director.clone()).await;
    let endpoint = proxy.endpoint().to_owned();
    let call = tokio::spawn(async move { raw_call(&endpoint, "PutItem", &put("k")).await });
    until(|| proxy.count("PutItem").arrived == 1).await;
    assert!(embedded.scan("state").await.unwrap().is_empty());
    director.requests.let_one_go();
    until(|| proxy.count("PutItem").forwarded == 1).await;
    // The client gets nothing yet, although the upstream has responded.
    while embedded.scan("state").await.unwrap().is_empty() {}
    assert!(!call.is_finished());
    director.answers.let_one_go();
    assert_eq!(call.await.unwrap().unwrap().0, 200);
}

#[tokio::test]
async fn request_is_passed_on_after_its_client_disconnects() {
    let director = Arc::new(Holding::default());
    let (embedded, proxy) = proxied(director.clone()).await;
    let mut stream = connect(&proxy).await.unwrap();
    send_put(&mut stream).await;
    until(|| proxy.count("PutItem").arrived == 1).await;
    stream.shutdown().await.unwrap();
    // The read ends when the proxy has noticed the shutdown.
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    director.requests.let_one_go();
    director.answers.let_one_go();
    until(|| proxy.count("PutItem").forwarded == 1).await;
    while embedded.scan("state").await.unwrap().is_empty() {}
}

#[tokio::test]
async fn director_gets_operation_number_and_connection() {
    let director = Arc::new(Holding::default());
    director.requests.0.add_permits(9);
    director.answers.0.add_permits(9);
    let (_embedded, proxy) = proxied(director.clone()).await;
    for operation in ["ListTables", "PutItem", "PutItem"] {
        call(&proxy, operation, &put("k")).await;
    }
    let heard = director.heard.lock().unwrap();
    let numbers: Vec<_> = heard
        .iter()
        .map(|arrived| {
            (
                arrived.operation.as_str(),
                arrived.nth,
                arrived.nth_of_all,
                arrived.connection,
            )
        })
        .collect();
    assert_eq!(
        numbers,
        [
            ("ListTables", 1, 1, 1),
            ("PutItem", 1, 2, 2),
            ("PutItem", 2, 3, 3)
        ]
    );
    assert_eq!(heard[1].access_key(), Some("test"));
    assert_eq!(heard[1].json(), put("k"));
    assert_eq!(heard[1].path, "/");
    let all = proxy.count_all();
    assert_eq!((all.arrived, all.forwarded), (3, 3));
}

#[tokio::test]
async fn orders_apply_to_a_number_of_requests_or_to_all() {
    let orders = Orders::default();
    let (_embedded, proxy) = proxied(orders.clone()).await;
    let status = async || call(&proxy, "PutItem", &put("k")).await.0;
    orders.next(1, Action::answer(Reply::html(StatusCode::FORBIDDEN)));
    orders.next(1, Action::answer(Reply::html(StatusCode::BAD_GATEWAY)));
    assert_eq!(orders.left(), 2);
    assert_eq!(
        [status().await, status().await, status().await],
        [403, 502, 200]
    );
    assert_eq!(orders.left(), 0);
    orders.always(Action::answer(Reply::html(StatusCode::FORBIDDEN)));
    assert_eq!([status().await, status().await], [403, 403]);
    orders.clear();
    assert_eq!(status().await, 200);
}
