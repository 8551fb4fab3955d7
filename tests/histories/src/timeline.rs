//! Prints a history as a table: time runs down, and each client has a column.

use super::history::{Event, What, calls, listed};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// A printable view of some calls of a history.
pub(super) struct Timeline<'a> {
    /// All events of the history.
    pub(super) events: &'a [Event],
    /// The numbers of the calls to print, counted in the order of their starts.
    pub(super) shown: &'a BTreeSet<usize>,
}

/// One line of the table: the action of a client at a moment.
struct Line {
    moment: usize,
    client: usize,
    text: String,
}

impl Timeline<'_> {
    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        // `shown` contains the clients whose current call is printed.
        let mut numbers = 0..;
        let mut shown = BTreeSet::new();
        for (moment, event) in self.events.iter().enumerate() {
            let client = event.client;
            let mut line = |text: String| {
                lines.push(Line {
                    moment,
                    client,
                    text,
                });
            };
            match &event.what {
                What::Calls(call) => {
                    if numbers
                        .next()
                        .is_some_and(|number| self.shown.contains(&number))
                    {
                        shown.insert(client);
                        line(format!("┌ {call}"));
                    }
                }
                What::Wire { words, .. } if shown.contains(&client) => {
                    line(format!("│ {words}"));
                }
                What::Wire { .. } => {}
                What::Late { call, words } if self.shown.contains(call) => {
                    line(format!("~ {words}"));
                }
                What::Late { .. } => {}
                What::Hears(replies) => {
                    if shown.remove(&client) {
                        line(format!("└ {}", listed(replies, "; ")));
                    }
                }
            }
        }
        lines
    }
}

impl fmt::Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let clients: BTreeSet<usize> = lines.iter().map(|line| line.client).collect();
        let width = |client: usize| {
            let of_client = lines.iter().filter(|line| line.client == client);
            let widths = of_client.map(|line| line.text.chars().count());
            widths.chain([format!("client {client}").len()]).max()
        };
        let columns: Vec<(usize, usize)> = clients
            .iter()
            .map(|client| (*client, width(*client).unwrap_or_default()))
            .collect();
        let mut head = format!("{:5}", "");
        for (client, width) in &columns {
            let _ = write!(head, "  {:width$}", format!("client {client}"));
        }
        writeln!(f, "{}", head.trim_end())?;
        let mut in_call = BTreeSet::new();
        for line in &lines {
            let mut row = format!("{:5}", line.moment);
            for (client, width) in &columns {
                let idle = if in_call.contains(client) { "│" } else { "" };
                let text = if *client == line.client {
                    &line.text
                } else {
                    idle
                };
                let _ = write!(row, "  {text:width$}");
            }
            writeln!(f, "{}", row.trim_end())?;
            match line.text.chars().next() {
                Some('┌') => in_call.insert(line.client),
                Some('└') => in_call.remove(&line.client),
                _ => false,
            };
        }
        let left_away = calls(self.events).len() - self.shown.len();
        match left_away {
            0 => Ok(()),
            _ => writeln!(
                f,
                "Calls not shown, not needed to explain this: {left_away}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Call, Reply};
    use crate::model::{Key, Value};

    #[test]
    fn table_has_a_row_per_event_and_a_column_per_client() {
        let event = |client, what| Event { client, what };
        let get = What::Calls(Call::Get(Key(0)));
        let hears = |value| What::Hears(vec![Reply::Read(value)]);
        let words = "GetItem: done, answered".to_owned();
        let straight = true;
        let events = [
            event(0, get.clone()),
            event(3, get.clone()),
            event(1, get),
            event(0, What::Wire { straight, words }),
            event(1, hears(None)),
            event(3, hears(Some(Value(7)))),
            event(0, hears(None)),
        ];
        let shown = &BTreeSet::from([0, 1]);
        let events = &events;
        let expected = "
       client 0                   client 3
    0  ┌ get a
    1  │                          ┌ get a
    3  │ GetItem: done, answered  │
    5  │                          └ v7
    6  └ absent
Calls not shown, not needed to explain this: 1
";
        let printed = Timeline { events, shown }.to_string();
        assert_eq!(format!("\n{printed}"), expected);
    }
}
