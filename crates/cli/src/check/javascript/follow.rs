//! Follows values through all files of a function, until nothing new is found.

mod bind;
mod evaluate;
mod exchange;
mod record;

use std::cell::Cell;
use std::collections::HashMap;

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ClassElement, Expression, MethodDefinitionKind, ObjectExpression, ObjectProperty,
    ObjectPropertyKind, PropertyKind,
};
use oxc_semantic::{AstNode, NodeId, ScopeId, Semantic, SymbolId};
use oxc_span::{GetSpan as _, Span};

use super::modules::{self, Module};
use super::value::{Function, Value, Values};
use crate::check::uses::{Spot, Uses};

/// More rounds than a value takes through any code that people write.
const ROUNDS: usize = 100;

/// What is known so far.
pub(super) struct Follow<'a, 's> {
    files: &'s [Semantic<'a>],
    names: &'s [&'s str],
    /// The names of files that are no sources.
    others: &'s [String],
    modules: Vec<Module<'a>>,
    variables: HashMap<(usize, SymbolId), Values<'a>>,
    /// What functions return, by their scope.
    returns: HashMap<(usize, ScopeId), Values<'a>>,
    /// `this.x` of a file.
    own: HashMap<(usize, &'a str), Values<'a>>,
    /// Files whose classes extend each other: their `this` is one.
    families: HashMap<usize, Vec<usize>>,
    /// `x` of an object, by where the object is written.
    fields: HashMap<(usize, Span, &'a str), Values<'a>>,
    /// `...x` in an object, by where that is written.
    spreads: HashMap<(usize, Span), Values<'a>>,
    news: bool,
    /// How deep `value` is in an expression.
    depth: Cell<usize>,
    /// In the last round: where what was found goes.
    found: Option<Found>,
}

/// What the last round finds.
#[derive(Default)]
struct Found {
    calls: Vec<(String, Spot)>,
    unclear: Vec<(Spot, String)>,
    sdk: Option<Spot>,
}

impl<'a, 's> Follow<'a, 's> {
    pub(super) fn new(
        files: &'s [Semantic<'a>],
        names: &'s [&'s str],
        others: &'s [String],
    ) -> Self {
        Self {
            files,
            names,
            others,
            modules: files.iter().map(|_| Module::default()).collect(),
            variables: HashMap::new(),
            returns: HashMap::new(),
            own: HashMap::new(),
            families: HashMap::new(),
            fields: HashMap::new(),
            spreads: HashMap::new(),
            news: false,
            depth: Cell::new(0),
            found: None,
        }
    }

    pub(super) fn run(mut self, uses: &mut Uses) {
        for _ in 0..ROUNDS {
            self.news = false;
            self.round();
            if !self.news {
                break;
            }
        }
        self.found = Some(Found::default());
        self.round();
        if let Some(found) = self.found {
            uses.calls.extend(found.calls);
            uses.unclear.extend(found.unclear);
            uses.sdk = found.sdk;
        }
    }

    fn round(&mut self) {
        let files = self.files;
        for (file, semantic) in files.iter().enumerate() {
            for node in semantic.nodes() {
                self.flow(file, node);
                if self.found.is_some() {
                    self.record(file, node);
                }
            }
        }
    }

    /// Lets values flow along one node.
    fn flow(&mut self, file: usize, node: &AstNode<'a>) {
        match node.kind() {
            AstKind::VariableDeclarator(declarator) => {
                if let Some(init) = &declarator.init {
                    let values = self.value(file, init);
                    self.bind(file, &declarator.id, &values);
                }
            }
            AstKind::AssignmentExpression(assignment) => self.assignment(file, assignment),
            AstKind::FormalParameter(parameter) => {
                // For what it is by default.
                self.bind(file, &parameter.pattern, &Values::default());
                // `constructor(private cloud)` of TypeScript is `this.cloud`, too.
                if (parameter.accessibility.is_some() || parameter.readonly)
                    && let Some(id) = parameter.pattern.get_binding_identifier()
                {
                    let values = self.held(file, id.symbol_id.get());
                    self.own(file, id.name.as_str(), &values);
                }
            }
            AstKind::Function(function) => {
                if let (Some(id), Some(value)) = (&function.id, as_function(file, function)) {
                    self.variable(file, id.symbol_id.get(), &Value::Function(value).into());
                }
            }
            AstKind::Class(class) => {
                self.extends(file, class);
                if let Some(id) = &class.id {
                    let value = Value::Class(file, constructor(file, class));
                    self.variable(file, id.symbol_id.get(), &value.into());
                }
            }
            AstKind::MethodDefinition(method) => {
                if let (Some(name), Some(function)) =
                    (key_name(&method.key), as_function(file, &method.value))
                {
                    let values = match method.kind {
                        MethodDefinitionKind::Get => self.returned(function),
                        _ => Value::Function(function).into(),
                    };
                    self.own(file, name, &values);
                }
            }
            AstKind::PropertyDefinition(property) => {
                if let (Some(name), Some(value)) = (key_name(&property.key), &property.value) {
                    let values = self.value(file, value);
                    self.own(file, name, &values);
                }
            }
            AstKind::CallExpression(call) => {
                if record::is_wrapper(&call.callee) {
                    self.export_star(file, call);
                    return;
                }
                let callee = self.value(file, &call.callee);
                self.hand_over(file, &callee, &call.arguments);
                self.hand_over_later(file, call);
                self.define(file, call);
            }
            AstKind::NewExpression(new) => {
                let callee = self.value(file, &new.callee);
                self.hand_over(file, &callee, &new.arguments);
            }
            AstKind::ReturnStatement(statement) => {
                if let (Some(argument), Some(scope)) =
                    (&statement.argument, self.function_around(file, node.id()))
                {
                    let values = self.value(file, argument);
                    self.news |= self.returns.entry((file, scope)).or_default().add(&values);
                }
            }
            AstKind::ArrowFunctionExpression(arrow) => {
                if let (Some(given), Some(scope)) = (arrow.get_expression(), arrow.scope_id.get()) {
                    let values = self.value(file, given);
                    self.news |= self.returns.entry((file, scope)).or_default().add(&values);
                }
            }
            AstKind::ObjectExpression(object) => self.object(file, object),
            kind => self.flow_between_files(file, kind),
        }
    }

    fn object(&mut self, file: usize, object: &'a ObjectExpression<'a>) {
        let has_methods = object.properties.iter().any(|property| match property {
            ObjectPropertyKind::ObjectProperty(property) => {
                matches!(property.value, Expression::FunctionExpression(_))
            }
            ObjectPropertyKind::SpreadProperty(_) => false,
        });
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    if let Some(name) = key_name(&property.key) {
                        let values = self.property_value(file, property);
                        if has_methods {
                            // `this.x` in its methods. All else that an object has is too much: in
                            // a bundle there are thousands of objects.
                            let values = values.clone().calls_only();
                            if !values.known.is_empty() {
                                self.own(file, name, &values);
                            }
                        }
                        let field = self.fields.entry((file, object.span, name)).or_default();
                        self.news |= field.add(&values);
                    }
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    let values = self.value(file, &spread.argument);
                    let spreads = self.spreads.entry((file, object.span)).or_default();
                    self.news |= spreads.add(&values);
                }
            }
        }
    }

    /// What a property holds; of a getter, what it gives.
    fn property_value(&self, file: usize, property: &'a ObjectProperty<'a>) -> Values<'a> {
        match &property.value {
            Expression::FunctionExpression(function) if property.kind == PropertyKind::Get => {
                as_function(file, function)
                    .map_or_else(Values::unknown, |function| self.returned(function))
            }
            value => self.value(file, value),
        }
    }

    /// A class is of one family with the class that it extends, also in another file.
    fn extends(&mut self, file: usize, class: &'a oxc_ast::ast::Class<'a>) {
        let Some(parent) = &class.super_class else {
            return;
        };
        for value in self.value(file, parent).known {
            let (Value::Class(other, _) | Value::Function(Function { file: other, .. })) = value
            else {
                continue;
            };
            for (one, other) in [(file, other), (other, file)] {
                let family = self.families.entry(one).or_default();
                if one != other && !family.contains(&other) {
                    family.push(other);
                    self.news = true;
                }
            }
        }
    }

    fn own(&mut self, file: usize, name: &'a str, values: &Values<'a>) {
        self.news |= self.own.entry((file, name)).or_default().add(values);
    }

    fn variable(&mut self, file: usize, symbol: Option<SymbolId>, values: &Values<'a>) {
        let Some(symbol) = symbol else { return };
        let flags = self.files[file].scoping().symbol_flags(symbol);
        let kept;
        let values = if flags.is_const_variable() || flags.is_import() {
            values
        } else {
            kept = values.clone().without_texts();
            &kept
        };
        self.news |= self
            .variables
            .entry((file, symbol))
            .or_default()
            .add(values);
    }

    fn function_around(&self, file: usize, node: NodeId) -> Option<ScopeId> {
        self.files[file]
            .nodes()
            .ancestor_kinds(node)
            .find_map(|kind| match kind {
                AstKind::Function(function) => Some(function.scope_id.get()),
                AstKind::ArrowFunctionExpression(arrow) => Some(arrow.scope_id.get()),
                _ => None,
            })
            .flatten()
    }
}

fn is_sdk(name: &str) -> bool {
    name == crate::runner::SDK
}

fn spot(file: usize, span: Span) -> Spot {
    Spot::new(file, span.start as usize..span.end as usize)
}

fn as_function<'a>(file: usize, function: &'a oxc_ast::ast::Function<'a>) -> Option<Function<'a>> {
    Some(Function {
        file,
        scope: function.scope_id.get()?,
        parameters: &function.params,
    })
}

fn constructor<'a>(file: usize, class: &'a oxc_ast::ast::Class<'a>) -> Option<Function<'a>> {
    class.body.body.iter().find_map(|element| match element {
        ClassElement::MethodDefinition(method)
            if method.kind == MethodDefinitionKind::Constructor =>
        {
            as_function(file, &method.value)
        }
        _ => None,
    })
}

/// The name of a property, where it is written down; private ones with their `#`.
fn key_name<'a>(key: &oxc_ast::ast::PropertyKey<'a>) -> Option<&'a str> {
    use oxc_ast::ast::PropertyKey;

    match key {
        PropertyKey::StaticIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::PrivateIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::StringLiteral(text) => Some(text.value.as_str()),
        PropertyKey::TemplateLiteral(text) => text.single_quasi().map(|text| text.as_str()),
        _ => None,
    }
}

/// An expression without what only types it, or puts it into parentheses.
fn plain<'e, 'a>(expression: &'e Expression<'a>) -> &'e Expression<'a> {
    expression.get_inner_expression()
}

/// Where an expression is.
fn span(expression: &Expression<'_>) -> Span {
    expression.span()
}
