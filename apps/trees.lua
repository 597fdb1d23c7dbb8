-- A Lua program of the usual kind: builds trees of tables, closures and strings, walks them and lets
-- the collector take them. Usage: trees.lua ROUNDS. Prints one line for each round.

local state = 4711

local function draw(below)
    state = (state * 1103515245 + 12345) % 2147483648
    return state // 256 % below
end

local function insert(node, key)
    if not node then
        return { key = key, name = "node " .. key .. string.rep("-", key % 30), count = 1 }
    end
    if key == node.key then
        node.count = node.count + 1
    elseif key < node.key then
        node.left = insert(node.left, key)
    else
        node.right = insert(node.right, key)
    end
    return node
end

local function each(node, visit)
    if node then
        each(node.left, visit)
        visit(node)
        each(node.right, visit)
    end
end

for round = 1, tonumber(arg[1]) do
    local root
    for _ = 1, 40000 do
        root = insert(root, draw(1000000))
    end
    local names, actions = {}, {}
    each(root, function(node)
        names[#names + 1] = node.name:upper()
        actions[#actions + 1] = function() return node.count * node.key end
    end)
    local sum = 0
    for _, action in ipairs(actions) do
        sum = (sum + action()) % 1000000007
    end
    local text = table.concat(names, "\n")
    local dashes = select(2, text:gsub("%-%-%-", ""))
    print(round, #names, sum, #text, dashes)
end
